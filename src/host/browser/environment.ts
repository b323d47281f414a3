/**
 * The environment that the browser is started with: this process's, without what is secret in it. A
 * browser hands it on to every program that it starts itself, for as long as the desktop runs.
 */
import type { Environment } from './display.ts';

/** Ours, and what would have a browser's Node run other code or trust any certificate. */
const notForBrowsers =
  /^(?:(?:CF|CLOUDFLARE)_ACCESS_.*|NODE_OPTIONS|NODE_TLS_REJECT_UNAUTHORIZED|ELECTRON_RUN_AS_NODE)$/i;
/** What stands before the host of an address: the password of a proxy, whatever the variable's name. */
const userInfo = /:\/\/[^/?#\s]*@/g;
/** Proxies are written without a scheme as well, and their passwords with any character. */
const proxyUserInfo = /^([a-z][a-z\d+.-]*:\/\/)?.*@/is;
/** Shorter values are words that stand in other variables by chance. */
const shortestSecret = 8;

/** `secrets`: values that may stand under other names too, such as the one that a host has expanded. */
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
