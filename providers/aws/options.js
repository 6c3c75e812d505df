'use strict';

// What a company may ask for: alarms, access logs, warm instances, its own network and keys, tags. Read from the
// parameters of config.yml and checked, before anything is built. Each is off unless it is given.
// template.js says what each changes in the template.

const { shareFault, collectorFault } = require('./traces.js');

const YES = /^(yes|true)$/i;
const NO = /^(no|false|)$/i;
const EMAIL = /^[^\s@,]+@[^\s@,]+\.[^\s@,.]+$/;
const SUBNET = /^subnet-[0-9a-f]{8,17}$/;
const SECURITY_GROUP = /^sg-[0-9a-f]{8,17}$/;
const KEY = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]+$/;
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const [MOST_SUBNETS, MOST_SECURITY_GROUPS] = [16, 5]; // what a function's VpcConfig takes
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
// providers/deploying/notices.py says the same.
const WEBHOOK = new RegExp(
  `^https://(?=[^/:]{1,253}(?:[/:]|$))(?:${LABEL}\\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])(?::[1-9][0-9]{0,4})?(?:/[!"$-\\[\\]^-~]*)?$`,
);
const PORT = /^https:\/\/[^/:]+:(\d+)/;
const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const TOPIC = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;
const MOST_DAYS = 3650;
const MOST_TAGS = 40; // an object of S3 takes ten, everything that we make fifty; two are ours
const OURS = ['service', 'stage'];

const NAMES = [
  ...['alarms', 'alarmEmail', 'dashboard', 'accessLogs', 'warmInstances', 'access', 'ingress', 'subnets', 'securityGroups'],
  ...['encryptionKey', 'dataKeys', 'tags', 'engines', 'engineMemory', 'engineWorkers', 'runtimeClient', 'traces', 'tracesTo'],
  ...['onnx', 'onnxMemory', 'onnxConcurrency'],
];

const CAPS = ['architecture', 'apiConcurrency', 'trainConcurrency', 'requestsPerSecond', 'requestBurst', 'trainHours', 'monitoringDays', 'auditDays', 'webhooks', 'topic'];

const listOf = (text) => [...new Set(text.split(',').map((each) => each.trim()).filter(Boolean))];
const shown = (text) => `"${text.slice(0, 120)}"`;

function switched(text) {
  return YES.test(text) || NO.test(text) ? '' : `expected yes, or nothing, got ${shown(text)}`;
}

function idsFault(text, pattern, what, most) {
  const wrong = listOf(text).find((each) => !pattern.test(each));
  if (wrong !== undefined) return `expected ids of ${what}, separated by commas, got ${shown(wrong)}`;
  return listOf(text).length > most ? `expected at most ${most} ${what}, got ${listOf(text).length}` : '';
}

function keyFault(text) {
  return KEY.test(text)
    ? ''
    : `expected the ARN of a KMS key (arn:aws:kms:eu-central-1:111122223333:key/…; not an alias), got ${shown(text)}`;
}

function warmFault(text, cap) {
  if (!/^\d{1,4}$/.test(text)) return `expected a whole number from 0 to 9999, got ${shown(text)}`;
  return /^\d+$/.test(cap) && Number(text) > Number(cap)
    ? `expected at most apiConcurrency, which is ${cap}, got ${text}: instances that are kept warm count as running`
    : '';
}

function hoursFault(text) {
  return /^\d{1,4}(\.\d+)?$/.test(text) && Number(text) >= 1 && Number(text) <= 8760 ? '' : `expected a number of hours from 1 to 8760, got ${shown(text)}`;
}

function daysFault(text) {
  return /^\d{1,4}$/.test(text) && Number(text) <= MOST_DAYS ? '' : `expected a whole number of days from 0 to ${MOST_DAYS}, got ${shown(text)}`;
}

function webhooksFault(text) {
  const found = listOf(text);
  const wrong = found.find((each) => !WEBHOOK.test(each) || each.length > 500 || Number((PORT.exec(each) || [])[1] || 443) > 65535);
  if (wrong !== undefined) {
    return `expected https://, the name of a host, and a path, such as https://hooks.example.com/ml, got ${shown(wrong)}`;
  }
  if (found.length > 10) return `expected at most 10 addresses, got ${found.length}`;
  const [, secret = ''] = SECRET.exec((process.env.ML_WEBHOOK_SECRET || '').trim()) || [];
  const bytes = Buffer.from(secret, 'base64').length;
  return !found.length || (bytes >= 24 && bytes <= 64)
    ? ''
    : 'expected their secret in the variable ML_WEBHOOK_SECRET: whsec_ and 24 to 64 random bytes in base64 (echo whsec_$(openssl rand -base64 32))';
}

function capFault(text, or) {
  return /^\d{1,6}$/.test(text) || text === or ? '' : `expected a whole number${or ? `, or ${or}` : ''}, got ${shown(text)}`;
}

function numberFault(text, least, most, what) {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  return number >= least && number <= most ? '' : `expected a whole number of ${what} from ${least} to ${most}, got ${shown(text)}`;
}

function tagsOf(text) {
  return Object.fromEntries(listOf(text).map((each) => {
    const [name, ...value] = each.split('=');
    return [name.trim(), value.join('=').trim()];
  }));
}

function tagsFault(text) {
  for (const each of listOf(text)) {
    const [name, value] = each.includes('=') ? Object.entries(tagsOf(each))[0] : ['', ''];
    if (!name || !TAG_TEXT.test(name + value)) {
      return `expected name=value, separated by commas (letters, digits, spaces and _.:/=+-@), got ${shown(each)}`;
    }
    if (name.length > 128 || value.length > 256) {
      return `expected at most 128 characters before the = and 256 after it, got ${name.length} and ${value.length}`;
    }
    if (/^aws:/i.test(name)) return `expected a name that does not begin with aws:, got ${shown(name)}`;
    if (OURS.includes(name.toLowerCase())) return `expected another name than ${OURS.join(' and ')}, which are set already, got ${shown(name)}`;
  }
  // To IAM, upper and lower case are one.
  const names = listOf(text).map((each) => each.split('=')[0].trim().toLowerCase());
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return `expected each name once, got ${shown(twice)} twice`;
  return names.length > MOST_TAGS ? `expected at most ${MOST_TAGS} tags, got ${names.length}` : '';
}

// The first fault of the parameters, as [name, what is wrong], or undefined.
function faultOf(given, place) {
  const { region, architecture, apiConcurrency, trainConcurrency, requestsPerSecond, requestBurst, trainHours, monitoringDays, auditDays, webhooks = '', topic = '' } = place;
  const { subnets, securityGroups, encryptionKey, traces = '', tracesTo = '' } = given;
  const { onnx = '', onnxMemory = '2048', onnxConcurrency = '10' } = given;
  const keyRegion = (KEY.exec(encryptionKey) || [])[1];
  const checks = [
    ['alarms', switched(given.alarms)],
    ['alarmEmail', !given.alarmEmail || EMAIL.test(given.alarmEmail) ? '' : `expected one address, such as ops@example.com, got ${shown(given.alarmEmail)}`],
    ['dashboard', switched(given.dashboard)],
    ['accessLogs', switched(given.accessLogs)],
    // CloudFormation would refuse these after minutes.
    ['apiConcurrency', capFault(apiConcurrency, 'none')],
    ['trainConcurrency', capFault(trainConcurrency, 'none')],
    ['requestsPerSecond', /^\d{1,6}(\.\d+)?$/.test(requestsPerSecond) ? '' : `expected a number, got ${shown(requestsPerSecond)}`],
    ['requestBurst', capFault(requestBurst)],
    // The function would refuse this one with every message.
    ['trainHours', hoursFault(trainHours)],
    ['monitoringDays', daysFault(monitoringDays)],
    ['auditDays', daysFault(auditDays)],
    ['traces', shareFault(traces)],
    ['tracesTo', collectorFault(traces, tracesTo)],
    ['webhooks', webhooksFault(webhooks)],
    ['topic', !topic || TOPIC.test(topic) ? '' : `expected the ARN of a topic of SNS (arn:aws:sns:eu-central-1:111122223333:…), got ${shown(topic)}`],
    ['warmInstances', warmFault(given.warmInstances, apiConcurrency)],
    ['access', /^(public|private)$/.test(given.access) ? '' : `expected public or private, got ${shown(given.access)}`],
    ['ingress', given.ingress === 'all' ? '' : `expected all, got ${shown(given.ingress)}: an HTTP API has no private ` +
      'endpoint; pass access=private, and limit the IAM policies of those who call by aws:SourceIp (docs/aws.md)'],
    ['subnets', idsFault(subnets, SUBNET, 'subnets (subnet-…)', MOST_SUBNETS)],
    ['securityGroups', idsFault(securityGroups, SECURITY_GROUP, 'security groups (sg-…)', MOST_SECURITY_GROUPS)],
    ['securityGroups', subnets && !securityGroups ? 'expected security groups for the subnets, got none' : ''],
    ['subnets', securityGroups && !subnets ? 'expected subnets for the security groups, got none' : ''],
    ['encryptionKey', encryptionKey && keyFault(encryptionKey)],
    ['encryptionKey', keyRegion && keyRegion !== region ? `expected a key of ${region}, where the service is deployed, got one of ${keyRegion}` : ''],
    ['dataKeys', listOf(given.dataKeys).map(keyFault).find(Boolean)],
    ['tags', tagsFault(given.tags)],
    ['engines', listOf(given.engines).every((each) => each === 'lithops') ? '' : `expected lithops, or nothing, got ${shown(given.engines)}`],
    ['engines', given.engines && architecture === 'arm64' ? 'expected none on arm64, where its packages do not fit into a function, got lithops' : ''],
    ['engineMemory', numberFault(given.engineMemory, 512, 10240, 'MiB')],
    ['runtimeClient', /^(aws|own)$/.test(given.runtimeClient) ? '' : `expected aws or own, got ${shown(given.runtimeClient)}`],
    ['engineWorkers', numberFault(given.engineWorkers, 2, 1000, 'workers')],
    ['onnx', switched(onnx)],
    ['onnxMemory', numberFault(onnxMemory, 512, 10240, 'MiB')],
    // 0 would have Lambda refuse every call.
    ['onnxConcurrency', onnxConcurrency === 'none' ? '' : numberFault(onnxConcurrency, 1, 1000, 'instances, or none,')],
  ];
  return checks.find(([, fault]) => fault);
}

function optionsOf(given) {
  return {
    alarms: YES.test(given.alarms) || Boolean(given.alarmEmail),
    alarmEmail: given.alarmEmail,
    dashboard: YES.test(given.dashboard),
    accessLogs: YES.test(given.accessLogs),
    warmInstances: Number(given.warmInstances),
    private: given.access === 'private',
    subnets: listOf(given.subnets),
    securityGroups: listOf(given.securityGroups),
    encryptionKey: given.encryptionKey,
    dataKeys: listOf(given.dataKeys),
    tags: tagsOf(given.tags),
    engines: listOf(given.engines),
    engineMemory: Number(given.engineMemory),
    engineWorkers: Number(given.engineWorkers),
    ownRuntimeClient: given.runtimeClient === 'own',
    onnx: YES.test(given.onnx),
    onnxMemory: Number(given.onnxMemory),
    onnxConcurrency: given.onnxConcurrency === 'none' ? null : Number(given.onnxConcurrency),
    traces: given.traces,
    tracesTo: given.tracesTo,
  };
}

module.exports = async ({ resolveVariable }) => {
  const text = async (name) => String((await resolveVariable(`param:${name}, ''`)) ?? '').trim();
  const given = {};
  for (const name of NAMES) given[name] = await text(name);
  const place = { region: await resolveVariable('self:provider.region') };
  for (const name of CAPS) place[name] = await text(name);
  const [name, fault] = faultOf(given, place) || [];
  if (fault) {
    // A thrown error would reach the user as the framework's stack; this is the one line that helps.
    console.error(`${name}: ${fault}`);
    process.exit(1);
  }
  return optionsOf(given);
};
Object.assign(module.exports, { NAMES, faultOf, optionsOf });
