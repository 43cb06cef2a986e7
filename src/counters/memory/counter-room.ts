import { ruleOfSubject } from '../../domain/counting/counter-subject.ts';
import { CATALOG, listLargest, OTHER_RULES, type RuleFill, type StoreFill } from '../store-fill.ts';
import { isLongSubject } from './subject-table.ts';

/** Below this part of the room, every subject is admitted. */
const OPEN_RATIO = 0.8;
/** From OPEN_RATIO up to this part, the rule with the most counters gets no more. */
const CONTESTED_RATIO = 0.875;
/** From CONTESTED_RATIO up to this part, only small rules get more. The rest is kept for the catalog. */
const RULES_RATIO = 0.9;
/** A rule with less than this part of the room never counts as the one that fills it. */
const MIN_GREEDY_RATIO = 0.05;
/** A rule with less than this part of the room is small. */
const MAX_SMALL_RATIO = 0.001;
/** Rules that are counted by themselves. Descriptors with overrides can name any keys. */
const MAX_RULES = 1000;
const MAX_LISTED_RULES = 50;

/** Stands for subjects that the table keeps as a digest only. */
const LONG_SUBJECTS = 'long subjects';

interface RuleRoom {
  readonly name: string;
  counters: number;
}

/**
 * Shares the room for counters among rules and the catalog. Clients choose the subjects of some rules, such as the names
 * of their devices, and make up as many as they like. So the rule that fills the room is the first that gets no more
 * counters, while other rules and the catalog do. Live counters are never dropped.
 */
export class CounterRoom {
  readonly #maxCounters: number;
  /** Rules stay when their last counter goes, so that a subject is always of the same one. */
  readonly #rules = new Map<string, RuleRoom>();
  #size = 0;
  /** Decisions that were refused for lack of room, by rule or CATALOG. */
  readonly #refused = new Map<string, number>();

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters;
  }

  /** Number of counters. */
  get size(): number {
    return this.#size;
  }

  get fill(): StoreFill {
    const rules = [...this.#rules.values()].filter(({ counters }) => counters > 0);
    const inRules = rules.reduce((sum, { counters }) => sum + counters, 0);
    const counts = [
      [CATALOG, this.#size - inRules] as const,
      ...rules.map(({ name, counters }) => [name, counters] as const),
    ];
    return { ratio: this.#size / this.#maxCounters, byRule: listLargest(counts, MAX_LISTED_RULES) };
  }

  /** Decisions that were refused for lack of room, by rule. */
  get refused(): readonly RuleFill[] {
    return listLargest(this.#refused, MAX_LISTED_RULES);
  }

  /** Whether every subject is admitted as long as there are not more than `added` new ones. */
  isOpenFor(added: number): boolean {
    return this.#size + added <= this.#maxCounters * OPEN_RATIO;
  }

  /** Returns the subject of a decision that finds no room. undefined: there is room for new counters of all subjects. */
  findRefused(subjects: readonly string[]): string | undefined {
    if (this.isOpenFor(subjects.length)) return undefined;
    if (this.#size + subjects.length > this.#maxCounters) return subjects[0];
    return subjects.find((subject) => !this.#admits(subject, subjects.length));
  }

  recordRefusal(subject: string): void {
    const rule = this.#ruleOf(subject)?.name ?? CATALOG;
    this.#refused.set(rule, (this.#refused.get(rule) ?? 0) + 1);
  }

  /** undefined: the table keeps only a digest of the subject. The same goes for `remove`. */
  add(subject: string | undefined): void {
    this.#size++;
    const rule = this.#ruleOf(subject);
    if (rule === undefined) return;
    rule.counters++;
  }

  remove(subject: string | undefined): void {
    this.#size--;
    const rule = this.#ruleOf(subject);
    if (rule !== undefined) rule.counters--;
  }

  #admits(subject: string, added: number): boolean {
    const rule = this.#ruleOf(subject);
    if (rule === undefined) return true;
    const ratio = (this.#size + added) / this.#maxCounters;
    if (ratio > RULES_RATIO) return false;
    if (ratio > CONTESTED_RATIO) return rule.counters < this.#maxCounters * MAX_SMALL_RATIO;
    return rule.counters < this.#maxCounters * MIN_GREEDY_RATIO || this.#hasLargerThan(rule);
  }

  /** undefined: the subject is of the catalog. */
  #ruleOf(subject: string | undefined): RuleRoom | undefined {
    const found = subject === undefined || isLongSubject(subject) ? LONG_SUBJECTS : ruleOfSubject(subject);
    if (found === undefined) return undefined;
    const name = this.#rules.has(found) || this.#rules.size < MAX_RULES ? found : OTHER_RULES;
    let rule = this.#rules.get(name);
    if (rule === undefined) {
      rule = { name, counters: 0 };
      this.#rules.set(name, rule);
    }
    return rule;
  }

  #hasLargerThan({ counters }: RuleRoom): boolean {
    for (const other of this.#rules.values()) if (other.counters > counters) return true;
    return false;
  }
}
