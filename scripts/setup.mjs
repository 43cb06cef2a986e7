// node scripts/setup.mjs [--build]
// Prepares a checkout: Node, packages, generated code and, with --build, dist/.
// A step is skipped if its inputs have not changed since it last succeeded.
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { createEnvironment, findNode, installNode, log, root, runCommand, runNpm } from './toolchain.mjs';

const inRoot = (...parts) => path.join(root, ...parts);

/** Lists all files below a folder, sorted. Returns none if the folder does not exist. */
function listFiles(folder) {
  const absolute = inRoot(folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** Runs an action, unless `output` exists and the inputs are the same as when the action last succeeded. */
function runStep(name, inputs, output, action) {
  const stamp = inRoot('.cache', 'set-up', name);
  const inputsHash = hashFiles(inputs);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputsHash) return;
  log(name);
  action();
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, inputsHash);
}

/** Deletes what earlier builds left of sources that are gone, so that no package contains it. */
function removeStaleOutput() {
  for (const folder of ['src', 'migrations']) {
    for (const file of listFiles(path.join('dist', folder))) {
      const source = path.relative(inRoot('dist'), file).replace(/\.js(?:\.map)?$/, '.ts');
      if (!existsSync(inRoot(source))) rmSync(file);
    }
  }
}

const lockFile = inRoot('package-lock.json');

installNode();

runStep('install packages', [lockFile], inRoot('node_modules', '.package-lock.json'), () => {
  runNpm(['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], createEnvironment());
});

const protoInputs = [...listFiles('proto'), inRoot('buf.yaml'), inRoot('buf.gen.yaml'), lockFile];
runStep('generate code', protoInputs, inRoot('src', 'generated', 'descriptors.ts'), () => {
  const runBuf = (...args) =>
    runCommand(findNode(), [inRoot('node_modules', '@bufbuild', 'buf', 'bin', 'buf'), ...args]);
  runBuf('generate');
  const descriptorSet = inRoot('.cache', 'descriptors.binpb');
  runBuf('build', '-o', descriptorSet);
  const text = readFileSync(descriptorSet).toString('base64');
  // A module, so that dist/ has it as well: tsc copies no other files.
  const module = `/** All of proto/ as a google.protobuf.FileDescriptorSet, in base64. */\nexport const DESCRIPTORS =\n  '${text}';\n`;
  writeFileSync(inRoot('src', 'generated', 'descriptors.ts'), module);
});

// After the generated code, because buf deletes all of src/generated/ first. The Docker build runs this script once
// before it copies src/, so there may be no scripts yet.
const redisScripts = listFiles('src/counters/redis/lua').filter((file) => file.endsWith('.lua'));
if (redisScripts.length > 0) {
  const assembler = inRoot('scripts', 'assemble-redis-scripts.ts');
  const inputs = [...redisScripts, assembler, inRoot('scripts', 'lua-assembler.ts')];
  runStep('assemble Redis scripts', inputs, inRoot('src', 'generated', 'redis-scripts.ts'), () =>
    runCommand(findNode(), [assembler]),
  );
}

// The page /docs, for a checkout that has its sources: the viewer's files, compressed, and the description of the API.
const apiDocs = inRoot('src', 'generated', 'api-docs');
const apiDocsSources = [
  ...listFiles('src/http/api-docs'),
  ...listFiles('docs').filter((file) => file.endsWith('openapi.yaml')),
];
if (apiDocsSources.length > 0) {
  runStep(
    'assemble the API page',
    [...apiDocsSources, lockFile],
    inRoot('src', 'generated', 'api-docs', 'openapi.yaml'),
    () => {
      mkdirSync(apiDocs, { recursive: true });
      const viewer = inRoot('node_modules', 'swagger-ui-dist');
      for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
        writeFileSync(path.join(apiDocs, `${file}.gz`), gzipSync(readFileSync(path.join(viewer, file)), { level: 9 }));
      }
      for (const file of ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']) {
        copyFileSync(path.join(viewer, file), path.join(apiDocs, file));
      }
      for (const file of apiDocsSources) copyFileSync(file, path.join(apiDocs, path.basename(file)));
    },
  );
}

if (process.argv.includes('--build')) {
  const inputs = [
    ...listFiles('src'),
    ...listFiles('migrations'),
    inRoot('tsconfig.json'),
    inRoot('tsconfig.build.json'),
    lockFile,
  ];
  runStep('build', inputs, inRoot('dist', 'src', 'main.js'), () => {
    runCommand(findNode(), [inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
    removeStaleOutput();
    // tsc copies no other files.
    cpSync(apiDocs, inRoot('dist', 'src', 'generated', 'api-docs'), { recursive: true });
  });

  // The console, for a checkout that has its sources.
  const consoleSources = listFiles('console').filter((file) => !file.includes('/generated/'));
  if (consoleSources.length > 0) {
    const consoleInputs = [...consoleSources, ...protoInputs];
    runStep('build the console', consoleInputs, inRoot('dist', 'console', 'index.html'), () => {
      const vite = [inRoot('node_modules', 'vite', 'bin', 'vite.js'), 'build', '--configLoader', 'native'];
      runCommand(findNode(), [...vite, '--logLevel', 'warn', '--config', inRoot('console', 'vite.config.ts')]);
    });
  }
}
