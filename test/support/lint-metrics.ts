/*
 * The checks of `promtool check metrics`: those of promlint in github.com/prometheus/client_golang, on the text format.
 * Prometheus itself accepts what they find, but its users trip over it.
 */

interface MetricFamily {
  readonly name: string;
  help: string | undefined;
  type: string;
  readonly labels: Set<string>;
  readonly sampleNames: Set<string>;
}

/** Units by their base unit, as promlint lists them. */
const BASE_UNITS: Readonly<Record<string, readonly string[]>> = {
  seconds: ['milliseconds', 'microseconds', 'nanoseconds', 'minutes', 'hours', 'days', 'weeks'],
  bytes: ['bits', 'kilobytes', 'megabytes', 'gigabytes', 'kibibytes', 'mebibytes', 'gibibytes'],
  meters: ['kilometers', 'centimeters', 'millimeters'],
  ratio: ['percent', 'percents'],
};
const ABBREVIATIONS = new Set(['s', 'ms', 'us', 'ns', 'sec', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd']);
const TYPE_NAMES = ['counter', 'gauge', 'histogram', 'summary'];

/** Returns the problems of a page of metrics, each as `name: problem`. */
export function lintMetrics(text: string): readonly string[] {
  return [...parseFamilies(text).values()].flatMap((family) =>
    lintFamily(family).map((problem) => `${family.name}: ${problem}`),
  );
}

function parseFamilies(text: string): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  const familyOf = (name: string): MetricFamily => {
    const found = families.get(name) ?? {
      name,
      help: undefined,
      type: 'untyped',
      labels: new Set(),
      sampleNames: new Set(),
    };
    families.set(name, found);
    return found;
  };
  for (const line of text.split('\n')) {
    const [, keyword, described = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') familyOf(described).help = rest;
    else if (keyword === 'TYPE') familyOf(described).type = rest;
    if (line === '' || line.startsWith('#')) continue;
    const [, sample = '', labels = ''] = /^([^\s{]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    const family =
      families.get(sample) ?? families.get(sample.replace(/_(?:bucket|sum|count)$/, '')) ?? familyOf(sample);
    family.sampleNames.add(sample);
    for (const [, label = ''] of labels.matchAll(/(?:^|,)([^=,]+)="/g)) family.labels.add(label);
  }
  return families;
}

function lintFamily({ name, help, type, labels, sampleNames }: MetricFamily): readonly string[] {
  const words = name.split('_');
  const problems: string[] = [];
  if (sampleNames.has('')) problems.push('a sample cannot be parsed');
  if (help === undefined || help === '') problems.push('no help text');
  if (type === 'untyped') problems.push('no type');
  for (const [base, units] of Object.entries(BASE_UNITS)) {
    if (words.some((word) => units.includes(word))) problems.push(`use base unit "${base}"`);
  }
  if (type === 'counter' && !name.endsWith('_total')) problems.push('counter metrics should have "_total" suffix');
  if (type !== 'counter' && name.endsWith('_total')) {
    problems.push('non-counter metrics should not have "_total" suffix');
  }
  if (type !== 'histogram' && name.endsWith('_bucket')) problems.push('non-histogram with "_bucket" suffix');
  if (/_(?:count|sum)$/.test(name) && type !== 'histogram' && type !== 'summary') {
    problems.push('non-histogram and non-summary with "_count" or "_sum" suffix');
  }
  if (type !== 'histogram' && labels.has('le')) problems.push('non-histogram with label "le"');
  if (type !== 'summary' && labels.has('quantile')) problems.push('non-summary with label "quantile"');
  for (const typeName of TYPE_NAMES) {
    if (typeName === type && words.includes(typeName)) problems.push(`metric name should not include type "${type}"`);
  }
  if (name.includes(':')) problems.push('metric names should not contain ":"');
  if (/[a-z][A-Z]/.test(name)) problems.push('metric names should be written in snake_case');
  if ([...labels].some((label) => /[a-z][A-Z]/.test(label))) problems.push('label names should be in snake_case');
  if (words.some((word) => ABBREVIATIONS.has(word))) problems.push('metric names should not contain abbreviated units');
  return problems;
}
