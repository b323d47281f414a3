/** Whether this shell's environment forbids to ask anybody to sign in. */
import type { Environment } from '../../config/config.ts';

/** The variable that forbids asking a person, with its value; as `readConfig` decides it. */
export function headlessBecauseOf(environment: Environment): string | undefined {
  const name = environment.CF_ACCESS_HEADLESS?.trim() ? 'CF_ACCESS_HEADLESS' : 'CI';
  const value = environment[name]?.trim() ?? '';
  const said = name === 'CI' ? /^true$/i : /^(?:1|true)$/i;
  return said.test(value) ? `${name}=${value}` : undefined;
}
