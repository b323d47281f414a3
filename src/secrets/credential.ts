/**
 * A credential: what one request carries. A request carries at most one. Credentials become header fields
 * only here, so that no other file contains these names.
 */
export type Credential =
  | { readonly kind: 'oauth'; readonly accessToken: string }
  | { readonly kind: 'cf_access_token'; readonly jwt: string }
  | { readonly kind: 'service_token'; readonly clientId: string; readonly clientSecret: string };

/** How a request was authenticated, as `access_fetch` reports it. */
export type CredentialKind = 'none' | Credential['kind'];

export function credentialFields(credential: Credential): [name: string, value: string][] {
  switch (credential.kind) {
    case 'oauth':
      return [['authorization', `Bearer ${credential.accessToken}`]];
    case 'cf_access_token':
      return [['cf-access-token', credential.jwt]];
    case 'service_token':
      return [
        ['cf-access-client-id', credential.clientId],
        ['cf-access-client-secret', credential.clientSecret],
      ];
  }
}

/** The parts of a credential that must never be shown. */
export function credentialSecrets(credential: Credential): string[] {
  switch (credential.kind) {
    case 'oauth':
      // Access's tokens begin with `oauth:`, and an origin that splits at the colon may show the rest
      // alone.
      return [credential.accessToken, credential.accessToken.replace(/^oauth:/, '')];
    case 'cf_access_token':
      return [credential.jwt];
    case 'service_token':
      return [credential.clientSecret];
  }
}
