// node scripts/check-prose.mjs [PATH...]: fails if a text of the repository contains a phrase that Weir's prose avoids.
// Checks Markdown, comments and messages. CONTRIBUTING.md ("Prose") says how to write instead.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { root } from './toolchain.mjs';

/** Each phrase with what to write instead. */
const AVOIDED = [
  [
    /\b(?:is|are|was|were|be|been|being|as|not|never|only|also) told\b|\btold (?:apart|by|in|of|to)\b/i,
    'say who says it',
  ],
  [/\btells? of\b/i, 'reports, shows'],
  [/\banew\b/i, 'again'],
  [/\bbesides?\b/i, 'also, next to'],
  [/\bupon\b/i, 'on'],
  [/\bwhoever\b/i, 'name the caller or the part'],
  [/\bwho is no\b/i, 'name the role: non-administrators'],
  [/(?<!\bthere )\bis none\b/i, 'is not'],
  [/\bfor so long\b/i, 'for that time, while'],
  [/\blooked at\b/i, 'checked, inspected'],
  [/\bgone on\b/i, 'continued'],
  [/\bmade of\b/i, 'consists of'],
  [/\bis answered by\b/i, 'use the active voice'],
  [/\bin earnest\b/i, 'leave it out'],
  [/\bby hand of\b/i, 'name the tool'],
  [/\b(?:by|of) which\b/i, 'start a new sentence'],
  [/\bwhat is asked\b/i, 'name the request'],
  [
    /^\s*(?:[-*/]+\s*)*(?:What|Who) (?!Envoy\b)[a-z][^?]*$/,
    'start with the subject: a sentence cannot be about "what" or "who"',
  ],
];

const TEXT = /\.(?:md|ts|mjs|c|lua|py|proto|ya?ml|sh|json)$|(?:^|\/)(?:\.env\.example|Dockerfile|run)$/;
const SKIPPED = /(?:^|\/)(?:package-lock\.json|LICENSE|check-prose\.mjs)$|\.golden\.|^docs\/benchmarks\.json$/;

function trackedFiles(paths) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...paths], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.split('\n').filter((file) => TEXT.test(file) && !SKIPPED.test(file) && existsSync(`${root}/${file}`));
}

let faults = 0;
for (const file of trackedFiles(process.argv.slice(2))) {
  for (const [index, line] of readFileSync(`${root}/${file}`, 'utf8').split('\n').entries()) {
    for (const [phrase, advice] of AVOIDED) {
      const found = phrase.exec(line);
      if (found === null) continue;
      faults++;
      process.stdout.write(`${file}:${index + 1}: "${found[0].trim().slice(0, 60)}": ${advice}\n`);
    }
  }
}
if (faults > 0) process.stdout.write(`${faults} phrases to rewrite\n`);
process.exitCode = faults > 0 ? 1 : 0;
