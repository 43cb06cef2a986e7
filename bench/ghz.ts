import { execFile, execFileSync, spawn } from 'node:child_process';
