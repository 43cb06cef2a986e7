// Finds a Node that is new enough, and runs commands with it. Works on plain Node 20 without dependencies, because it
// runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The oldest Node that Weir runs on, as major and minor version: the first with argon2 and stable type stripping. */
const MIN_NODE_VERSION = readMinNodeVersion();

/** Packages of npm that contain Node, each with its exact version and the digest of its archive. */
const nodeLock = JSON.parse(readFileSync(path.join(root, 'scripts', 'node-lock.json'), 'utf8'));
const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const cacheFolder = path.join(root, '.cache', 'node24');
const cachedNode = path.join(
  cacheFolder,
  'node_modules',
  packageName,
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

function readMinNodeVersion() {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return engines.node.replace('>=', '').split('.').slice(0, 2).map(Number);
}

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

/**
 * Installs the Node of node-lock.json from npm into the cache folder if the running Node is too old. npm checks the digest.
 * Ends this process where npm has no such Node.
 */
export function installNode() {
  if (isNewEnough(process.versions.node)) return;
  const minVersion = MIN_NODE_VERSION.join('.');
  const locked = nodeLock[packageName];
  if (locked === undefined) {
    log(`Node ${process.versions.node} is older than ${minVersion}, and npm has no newer one for this platform`);
    log(`install Node ${minVersion} or later (https://nodejs.org) and put it on the PATH`);
    process.exit(1);
  }
  const dependencies = { [packageName]: locked.version };
  const packages = { '': { dependencies }, [`node_modules/${packageName}`]: locked };
  const lock = JSON.stringify({ lockfileVersion: 3, requires: true, packages }, undefined, 2);
  const lockFile = path.join(cacheFolder, 'package-lock.json');
  const isInstalled = existsSync(lockFile) && readFileSync(lockFile, 'utf8') === lock && existsSync(cachedNode);
  if (isInstalled) return;
  log(`Node ${process.versions.node} is older than ${minVersion}; installing Node ${locked.version} from npm`);
  mkdirSync(cacheFolder, { recursive: true });
  writeFileSync(path.join(cacheFolder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  writeFileSync(lockFile, lock);
  runNpm(['ci', '--prefix', cacheFolder, '--ignore-scripts', '--loglevel=error'], process.env);
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
