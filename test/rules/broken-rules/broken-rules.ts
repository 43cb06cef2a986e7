import { DESCRIPTORS } from './descriptors.ts';
import { LIMIT_LISTS } from './limit-lists.ts';
import { LIMITS_BY_UNIT } from './limits-by-unit.ts';
import { LIMITS_BY_WINDOW } from './limits-by-window.ts';
import { RULE_MODES } from './rule-modes.ts';
import type { BrokenRules } from './templates.ts';
import { TOP_LEVEL } from './top-level.ts';
import { YAML_SYNTAX } from './yaml-syntax.ts';

/** Rules files with one fault each, and the exact text that reports it. */
export const BROKEN_RULES: readonly BrokenRules[] = [
  ...YAML_SYNTAX,
  ...TOP_LEVEL,
  ...DESCRIPTORS,
  ...RULE_MODES,
  ...LIMITS_BY_UNIT,
  ...LIMITS_BY_WINDOW,
  ...LIMIT_LISTS,
];
