import { DEFAULT_FOLDER_OPTIONS, formatPassedOver, listPassedOver } from '../rules/load/rules-folder.ts';
import { loadRoutes } from '../rules/routes/load-routes.ts';

/**
 * `weir check-routes PATH`: checks the files of a route table. Lists what the folder PATH has that is not read. Returns the
 * text to print. Throws InvalidRules with all faults.
 */
export async function checkRoutes(path: string): Promise<string> {
  const { routes } = await loadRoutes(path);
  const passedOver = await listPassedOver(path, DEFAULT_FOLDER_OPTIONS);
  const lines = [
    `${path}: ${routes.length} ${routes.length === 1 ? 'route' : 'routes'}, no faults`,
    ...(passedOver.length === 0 ? [] : [formatPassedOver(passedOver)]),
  ];
  return `${lines.join('\n')}\n`;
}
