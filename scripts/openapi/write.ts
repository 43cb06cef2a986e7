// npm run openapi: writes docs/openapi.yaml.
import { writeFileSync } from 'node:fs';
import { buildDocument } from './build-document.ts';

writeFileSync('docs/openapi.yaml', buildDocument());
