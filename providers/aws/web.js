'use strict';

// `corsOrigins`, `customDomains`, `basePath` and `documentation`, checked, and the origins as a bucket's CORS rules have them.
// providers/deploying/web.py says what they may be; one table of texts tests both (tests/unit/providers/test_web.py).

const ORIGIN = /^(https?):\/\/(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$/;
const OWN_PORT = { http: ':80', https: ':443' };
const BASE_PATH = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;
const ADDRESS = /^https:\/\/[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[1-9][0-9]{0,4})?(?:\/[A-Za-z0-9._~-]+)*\/?$/;
const DOMAIN = /^(?=.{4,248}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;
const MOST_ORIGINS = 64;
const MOST_DOMAINS = 16;
const LONGEST = 256;

function isOrigin(text) {
  const [found, scheme, port = ''] = (text.length <= LONGEST && ORIGIN.exec(text)) || [];
  return Boolean(found) && port !== OWN_PORT[scheme] && Number(port.slice(1)) <= 65535;
}

function entriesOf(text) {
  return [...new Set(text.split(',').map((each) => each.trim()).filter(Boolean))];
}

function originsFault(text) {
  const origins = entriesOf(text);
  if (origins.length > MOST_ORIGINS) return `expected at most ${MOST_ORIGINS} origins, got ${origins.length}`;
  if (origins.includes('*') && origins.length > 1) return 'expected * alone or origins, got both';
  const wrong = origins.find((each) => each !== '*' && !isOrigin(each));
  return wrong === undefined
    ? ''
    : 'expected origins as browsers send them (https://app.example.com: lower case, no path, no slash at the end, ' +
        `no wildcard, no port that is the scheme's own) or *, separated by commas, got "${wrong.slice(0, 80)}"`;
}

function domainsFault(text) {
  const domains = entriesOf(text);
  if (domains.length > MOST_DOMAINS) return `expected at most ${MOST_DOMAINS} names, got ${domains.length}`;
  const wrong = domains.find((each) => !DOMAIN.test(each));
  return wrong === undefined
    ? ''
    : 'expected host names, such as api.example.com (lower case, no scheme, no port, no path), separated by commas, ' +
        `got "${wrong.slice(0, 80)}"`;
}

function basePathFault(text) {
  return !text || (text.length <= LONGEST && BASE_PATH.test(text))
    ? ''
    : 'expected a slash and a name, such as /ml or /team/ml (letters, digits, and . _ ~ - inside; no slash at the ' +
        `end), got "${text.slice(0, 80)}"`;
}

function documentationFault(text) {
  return !text || (text.length <= LONGEST && ADDRESS.test(text))
    ? ''
    : "expected the address below which the documentation's pages are, such as https://docs.example.com/ml (https, no " +
        `user, no ? and no #), got "${text.slice(0, 80)}"`;
}

module.exports = async ({ resolveVariable }) => {
  const origins = String((await resolveVariable("param:corsOrigins, ''")) || '');
  const domains = String((await resolveVariable("param:customDomains, ''")) || '');
  const basePath = String((await resolveVariable("param:basePath, ''")) || '').trim();
  const documentation = String((await resolveVariable("param:documentation, ''")) || '').trim();
  const faults = {
    corsOrigins: originsFault(origins),
    customDomains: domainsFault(domains),
    basePath: basePathFault(basePath),
    documentation: documentationFault(documentation),
  };
  for (const [name, fault] of Object.entries(faults)) {
    if (fault) {
      // A thrown error would reach the user as the framework's stack; this is the one line that helps.
      console.error(`${name}: ${fault}`);
      process.exit(1);
    }
  }
  const named = entriesOf(origins);
  const own = [
    { 'Fn::Sub': 'https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}' },
    ...entriesOf(domains).map((each) => `https://${each}`),
  ];
  // CloudFormation wants a rule to name something, also where the condition leaves it out.
  return {
    any: named.length ? 'yes' : 'no',
    origins: named.length ? named : ['*'],
    own,
    setting: named.join(','),
    basePath,
    documentation,
  };
};
Object.assign(module.exports, { originsFault, domainsFault, basePathFault, documentationFault });
