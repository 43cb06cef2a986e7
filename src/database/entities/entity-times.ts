import { p } from '@mikro-orm/core';

/** The columns with the times of creation and of the last update. */
export const times = {
  createTime: p.datetime().onCreate(() => new Date()),
  updateTime: p
    .datetime()
    .onCreate(() => new Date())
    .onUpdate(() => new Date()),
};
