/**
 * The environment that the browser is started with: this process's, without its secrets. A browser passes
 * it on to every program that it starts, for as long as the desktop session lasts.
 */
import type { Environment } from './display.ts';

/**
 * Our own variables, and those that make a browser built on Node run other code or trust any certificate.
 */
const notForBrowsers =
  /^(?:(?:CF|CLOUDFLARE)_ACCESS_.*|NODE_OPTIONS|NODE_TLS_REJECT_UNAUTHORIZED|ELECTRON_RUN_AS_NODE)$/i;
/** The user name and password in a URL, such as a proxy's, in a variable of any name. */
const userInfo = /:\/\/[^/?#\s]*@/g;
/** Proxy settings may have no scheme, and their passwords may contain any character. */
const proxyUserInfo = /^([a-z][a-z\d+.-]*:\/\/)?.*@/is;
/** Shorter values may occur in other variables by chance. */
const shortestSecret = 8;

/**
 * `secrets`: values that other variables may contain too, such as one that the host expanded into them.
 */
export function browserEnvironment(
  environment: Environment,
  secrets: readonly string[],
): Record<string, string> {
  const known = secrets.filter((secret) => secret.length >= shortestSecret);
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || notForBrowsers.test(name) || known.includes(value)) continue;
    const clean = /proxy/i.test(name)
      ? value.trim().replace(proxyUserInfo, '$1')
      : value.replace(userInfo, '://');
    if (!known.some((secret) => clean.includes(secret))) kept[name] = clean;
  }
  return kept;
}
