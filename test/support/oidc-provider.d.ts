/** The part of oidc-provider that the tests use; the package comes without types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export interface Context {
    body: unknown;
    status: number;
    readonly method: string;
    readonly path: string;
    readonly request: { readonly headers: Record<string, string | undefined> };
    readonly response: { get(name: string): string };
    set(name: string, value: string): void;
    readonly oidc?: {
      readonly route?: string;
      readonly params?: Record<string, string | undefined>;
      readonly body?: Record<string, unknown>;
    };
  }

  export interface AccessToken {
    readonly isValid: boolean;
    readonly aud: string | readonly string[];
    readonly scope?: string;
    readonly accountId: string;
    readonly clientId: string;
    destroy(): Promise<void>;
  }

  export default class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
    readonly AccessToken: { find(value: string): Promise<AccessToken | undefined> };
  }
}
