#!/usr/bin/env node
// The command `weir` of the package and of the image. A Node that is too old cannot even load main.js, so this file
// checks the version first.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const minVersion = engines.node.replace('>=', '');
const [major, minor] = process.versions.node.split('.').map(Number);
const [minMajor, minMinor] = minVersion.split('.').map(Number);

if (major < minMajor || (major === minMajor && minor < minMinor)) {
  process.stderr.write(
    `weir needs Node ${minVersion} or newer (this is ${process.versions.node}): https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  await import('../dist/src/main.js');
}
