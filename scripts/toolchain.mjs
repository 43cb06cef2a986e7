// Finds a Node that is new enough, and runs commands with it. Works on plain Node 20 without dependencies, because it
// runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The oldest Node that Weir runs on, as major and minor version: the first with argon2 and stable type stripping. */
const MIN_NODE_VERSION = [24, 7];

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
  const [minMajor, minMinor] = MIN_NODE_VERSION;
  return major > minMajor || (major === minMajor && minor >= minMinor);
}

/**
 * Returns the path of a Node that is new enough: the running one, or else the cached one, which `installNode` brings.
 */
export function findNode() {
  return isNewEnough(process.versions.node) ? process.execPath : cachedNode;
}

/** Creates an environment in which `node` is the one of `findNode`, for npm and everything that it starts. */
export function createEnvironment() {
  const folder = path.dirname(findNode());
  return { ...process.env, PATH: `${folder}${path.delimiter}${process.env.PATH ?? ''}` };
}

/** Installs Node 24 from npm into the cache folder if the running Node is too old. */
export function installNode() {
  if (existsSync(findNode())) return;
  log(`Node ${process.versions.node} is older than ${MIN_NODE_VERSION.join('.')}; installing Node 24 from npm`);
  runNpm(['install', '--prefix', cacheFolder, '--no-save', '--ignore-scripts', `${packageName}@24`], process.env);
}

export function runNpm(args, env) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) runCommand(process.execPath, [cli, ...args], env);
  else runCommand('npm', args, env);
}

/**
 * Runs a command and waits for its end. Its output goes to stderr, so that `npm run --silent weir` prints only its own.
 * If the command fails, this process exits with its exit code.
 */
export function runCommand(command, args, env = createEnvironment()) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  log(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ` with exit code ${status}`}`);
  process.exit(status || 1);
}

export function log(message) {
  process.stderr.write(`set-up: ${message}\n`);
}
