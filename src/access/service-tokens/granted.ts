/** The service tokens in use, by application: those that were granted and have not been refused since. */
import type { ResourceCredential } from '../../session/resource-credential.ts';
import { keysCovering } from '../../session/resource-key.ts';

export interface GrantedTokens {
  /** The token that was granted for the application of `url`. */
  find(url: URL): ResourceCredential | undefined;
  remember(credential: ResourceCredential): void;
  forget(url: URL): void;
}

/** A bound, since a hostile host can claim any number of applications. */
const mostInUse = 1_000;

export function createGrantedTokens(): GrantedTokens {
  /** By resource. */
  const granted = new Map<string, ResourceCredential>();
  return {
    find(url) {
      if (granted.size === 0) return undefined;
      const key = keysCovering(url).find((each) => granted.has(each));
      return key === undefined ? undefined : granted.get(key);
    },
    remember(credential) {
      const [oldest] = granted.keys();
      if (granted.size >= mostInUse && oldest !== undefined) granted.delete(oldest);
      granted.set(credential.resource, credential);
    },
    forget(url) {
      for (const key of keysCovering(url)) granted.delete(key);
    },
  };
}
