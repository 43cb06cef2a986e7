// npm run --silent sbom: prints the software bill of materials of Weir, as CycloneDX.
import { createSbom } from './deploy/sbom.ts';

console.log(JSON.stringify(await createSbom(), undefined, 2));
