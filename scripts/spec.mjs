// npm run spec -- [FILTER...]: prints the specification: the name of every test, as "file › describe › it".
// Imports the test files, which registers their tests. Runs no test and starts no server.
import path from 'node:path';
import { createVitest } from 'vitest/node';
import { root } from './toolchain.mjs';

const vitest = await createVitest({ root, watch: false, isolate: false, globalSetup: [], reporters: [] });
const { testModules, unhandledErrors } = await vitest.collect(process.argv.slice(2), { staticParse: false });

const lines = [];
const failures = unhandledErrors.map(String);
for (const module of testModules) {
  const file = path.relative(root, module.moduleId);
  failures.push(...module.errors().map(({ message }) => `${file}: ${message}`));
  for (const test of module.children.allTests())
    lines.push(`${file} › ${test.fullName.replaceAll(' > ', ' › ').replaceAll('\n', '\\n')}`);
}
process.stdout.write(
  lines
    .sort()
    .map((line) => `${line}\n`)
    .join(''),
);
for (const failure of failures) process.stderr.write(`${failure}\n`);
await vitest.close();
process.exit(failures.length > 0 ? 1 : 0);
