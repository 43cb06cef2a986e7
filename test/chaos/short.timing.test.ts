import { suite } from './define-chaos-tests.ts';
import { ONE_SERVER } from './single-server.ts';

const TELLING = ['kill -9, back after 2 s', 'SIGSTOP for 5 s', 'SCRIPT FLUSH', 'FLUSHALL', 'maxmemory reached for 2 s'];

suite({ ...ONE_SERVER, scenarios: ONE_SERVER.scenarios.filter(({ name }) => TELLING.includes(name)) });
