// Plain Node >= 20, no dependencies: this runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The oldest Node that Weir runs on: the first with argon2 and stable type stripping. */
const NEEDED = [24, 7];

const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const cacheFolder = path.join(root, '.cache', 'node24');
const cachedNode = path.join(
  cacheFolder,
  'node_modules',
  packageName,
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Path of a Node that is new enough: the running one, else the cached one (which `installNode` brings). */
export function nodeExecutable() {
  return isNewEnough(process.versions.node) ? process.execPath : cachedNode;
}

/** Environment in which `node` is the Node of `nodeExecutable`, for npm and everything that it starts. */
export function environment() {
  const folder = path.dirname(nodeExecutable());
  return { ...process.env, PATH: `${folder}${path.delimiter}${process.env.PATH ?? ''}` };
}

/** Brings Node 24 from npm into the cache folder when the running Node is too old. */
export function installNode() {
  if (existsSync(nodeExecutable())) return;
  log(`Node ${process.versions.node} is older than ${NEEDED.join('.')}: taking Node 24 from npm`);
  npm(['install', '--prefix', cacheFolder, '--no-save', '--ignore-scripts', `${packageName}@24`], process.env);
}

export function npm(args, env) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) run(process.execPath, [cli, ...args], env);
  else run('npm', args, env);
}

/** Runs a command to its end, its output on stderr (so that `npm run --silent weir` prints only its own); a failure ends the set-up with its exit code. */
export function run(command, args, env = environment()) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  log(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ` with exit code ${status}`}`);
  process.exit(status || 1);
}

export function log(message) {
  process.stderr.write(`set-up: ${message}\n`);
}
