/**
 * The words that a recording may contain verbatim: words of Cloudflare Access, HTTP and OAuth that reveal
 * nothing about anybody. Everything else becomes a placeholder.
 */

/** Path segments of Access and of the well-known documents. */
const pathSegments = words(`
  cdn-cgi access login authorized logout cli certs get-identity sso oidc saml oauth authorization token
  revoke registration device device_authorization .well-known cloudflare-access-protected-resource
  oauth-protected-resource oauth-authorization-server openid-configuration cloudflare-one
  access-controls applications callback`);

/** Names of query parameters and of cookies. */
const parameterNames = words(`
  kid meta redirect_url state aud token edge_token_transfer send_org_token close_interstitial client_id
  redirect_uri response_type code_challenge code_challenge_method resource scope nonce error
  error_description iss SAMLRequest RelayState`);

const cookieNames =
  words(`CF_Authorization CF_AppSession CF_Binding CF_Session __cf_bm _cfuvid cf_clearance
  __cflb`);

/** Members of documents, of challenges' bodies and of tokens. */
const memberNames = words(`
  resource protected team_domain authorization_servers authentication_method
  authentication_method_description authentication_method_documentation bearer_methods_supported
  scopes_supported resource_name issuer authorization_endpoint token_endpoint response_types_supported
  response_modes_supported grant_types_supported token_endpoint_auth_methods_supported
  revocation_endpoint revocation_endpoint_auth_methods_supported registration_endpoint
  introspection_endpoint device_authorization_endpoint code_challenge_methods_supported jwks_uri
  authorization_response_iss_parameter_supported client_id_metadata_document_supported
  subject_types_supported id_token_signing_alg_values_supported userinfo_endpoint
  service_documentation error error_description error_code resource_metadata message status
  keys public_cert public_certs cert kid kty alg use key_ops e n x5t x5c typ
  aud email exp iat nbf iss type identity_nonce sub country common_name hostname auth_domain app_hostname
  redirect_url service_token_status auth_status app_session_hash is_warp is_gateway mtls_auth
  cert_issuer_dn cert_serial cert_issuer_ski cert_presented real_country service_token_id
  match title detail instance ray_id what_you_should_do cloudflare_error error_name error_category
  timestamp zone retryable owner_action_required`);

/** Members whose numbers reveal nothing about anybody. */
const numberNames = words('status error_code expires_in');

/** Members that are instants, in seconds since the epoch. */
const instantNames = words('exp iat nbf client_id_issued_at');

const plainWords = words(`
  a an the and or not no is are be been to of for in on at by with without from this that it its you your
  have has do does don t can cannot could may must will would if when then than as but all any
  access access_token account action again allow allowed alg application applications application/json attention
  authenticate authentication authorization authorization_code authorized auth app org match aud
  administrator basic bearer blocked body browser button bypass cached cache cf-access-aud cf-access-domain
  cf-error-code cf-error-details cf-wrapper cf-mitigated cf-ray challenge charset class client_secret_basic
  client_secret_post cloudflare cloudflare-access cloudflare-nginx cloudflared code configuration contact
  content credentials credentialless cross-origin data deny denied description details
  device_code different disabled div doctype document domain dynamic email enabled end error
  error_description error_uri expired fail failed false fault find footer forbidden form found fragment
  get gzip h1 h2 h3 head header headers hidden hit host host-only href html http https id identity
  immutable information input internal invalid invalid_client invalid_client_metadata invalid_grant
  invalid_request invalid_scope invalid_target invalid_token json keep-alive key lang en en-us li link
  localhost log login loopback main max-age media meta method methods microsoft miss missing
  missing_token must-revalidate name negotiate no-cache no-referrer no-store no-transform none none
  not-found nosniff notice null oauth ok one only open options origin origin-when-cross-origin origins other out
  p page pair path permission permissions permitted plain please policy policy_denied post private problem
  problem+json proceed protected protection provided proxy proxy-revalidate public put query
  ray realm redirect redirected refresh_token refused registered rejected reload request requests require required requires
  resource resource_metadata response retry role rs256 rsa s256 same-origin samesite lax strict secure
  httponly section server service session sig sign sign-in signed signin site span stale status
  strict-origin strict-origin-when-cross-origin strong style sameorigin system team text title token
  tokens true try tunnel type ul unable unauthorized unauthorized_client unavailable unknown
  unsupported unsupported_grant_type uri url urn:ietf:params:oauth:grant-type:device_code use user
  utf-8 utf8 valid value vary version view viewport warp was website which who wrong
  x-requested-with xmlhttprequest xml accept accept-encoding accept-language user-agent
  obtain issue issued expiry organization organisation error_page user_action seconds cross-site document delete patch trace connect allow-origin jwt aqab jose`);

const tagNames =
  words(`html head body title meta link main section article aside nav header footer div span p
  h1 h2 h3 h4 ul ol li dl dt dd table thead tbody tr td th a b i em strong code pre br hr img form label
  input button`);

/** Public hosts. */
const publicHosts = words(`developers.cloudflare.com www.cloudflare.com cloudflare.com
  support.cloudflare.com login.cloudflareaccess.org login.fed.cloudflareaccess.org`);

export const isPathSegment = (text: string): boolean => pathSegments.has(text);
export const isParameterName = (text: string): boolean => parameterNames.has(text);
export const isCookieName = (text: string): boolean => cookieNames.has(text);
export const isMemberName = (text: string): boolean => memberNames.has(text);
export const isNumberName = (text: string): boolean => numberNames.has(text);
export const isInstantName = (text: string): boolean => instantNames.has(text);
export const isTagName = (text: string): boolean => tagNames.has(text);
export const isPublicHost = (text: string): boolean => publicHosts.has(text.toLowerCase());

/** Only with the usual capitals, because the choice of capitals could carry information. */
export function isWord(text: string): boolean {
  const lower = text.toLowerCase();
  if (/^\d+$/.test(text)) return isKnownNumber(text);
  return plainWords.has(lower) && (usualCapitals.test(text) || knownSpellings.has(text));
}

const usualCapitals = /^(?:[^A-Z]+|[A-Z][^A-Z]*|[A-Z\d]{1,7})$/;
const knownSpellings =
  words(`OAuth Cloudflare-Access HttpOnly SameSite XMLHttpRequest X-Requested-With
  SAMEORIGIN CREDENTIALS AQAB User-Agent Accept-Encoding`);

/** HTTP’s statuses and the numbers of Cloudflare’s error pages. */
function isKnownNumber(text: string): boolean {
  return /^(?:[01]|[1-5]\d\d|1[01]\d\d|86400|3600)$/.test(text);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ''));
}
