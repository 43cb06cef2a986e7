import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../../support/databases.ts';
import { TestNode } from '../../../support/node.ts';
import { answersOf, CONFIGURATIONS } from './configurations.ts';

let folder: string;
let node: TestNode;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  const rules = path.join(folder, 'rules');
  await mkdir(rules);
  for (const { domain, text } of CONFIGURATIONS) await writeFile(path.join(rules, `${domain}.yaml`), text);
  node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules });
});
afterAll(async () => {
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('configurations as envoyproxy/ratelimit describes them are answered as it says', () => {
  for (const { domain, questions } of CONFIGURATIONS) {
    it.each(questions)(`${domain}: $about`, async ({ asked, expected }) => {
      expect(await answersOf(node.decision, domain, asked)).toEqual(expected);
    });
  }
});
