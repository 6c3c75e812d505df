'use strict';

// Spans, where the parameter `traces` has a share above 0: a layer with what records and sends them, for those who
// answer and who work jobs off. providers/deploying/tracing.py says the same of the parameters for the other clouds.

const SHARE = /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/;
const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?';
const COLLECTOR = new RegExp(`^(https?)://(${HOST})(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~/-]{0,200})?$`);
const ITSELF = ['localhost', '127.0.0.1'];
const HEADERS = /^[!-~]+=[ -~]*$/;
const LONGEST_HEADERS = 2000;

const headers = () => (process.env.OTEL_EXPORTER_OTLP_HEADERS || '').trim();
const shown = (text) => `"${text.slice(0, 80)}"`;

function shareFault(share) {
  return !share || SHARE.test(share) ? '' : `expected a share from 0 to 1, such as 0.1, got ${shown(share)}`;
}

function collectorFault(share, collector) {
  const found = COLLECTOR.exec(collector);
  if (collector && !found) return `expected the address of a collector, such as https://otlp.example.com:4318, got ${shown(collector)}`;
  if (Number(share) > 0 && !collector) return 'expected the address of a collector beside traces, got none';
  if (!(Number(share) > 0) && collector) return `expected a share above 0 in traces beside it, got ${share || 'none'}`;
  if (!found || !headers()) return '';
  if (headers().length > LONGEST_HEADERS || !headers().split(',').every((each) => HEADERS.test(each))) {
    return 'expected name=value, separated by commas, in the variable OTEL_EXPORTER_OTLP_HEADERS';
  }
  return found[1] === 'https' || ITSELF.includes(found[2])
    ? ''
    : 'expected https:// beside OTEL_EXPORTER_OTLP_HEADERS, which may be secret, got http://';
}

// Changes the service as config.yml could have said it.
function configure(service, { traces, tracesTo }) {
  const { functions, layers, provider } = service;
  layers.traces = {
    name: `${service.service}-${provider.stage}-traces`,
    description: 'what records and sends spans',
    compatibleRuntimes: [provider.runtime],
    compatibleArchitectures: [provider.architecture],
    package: { artifact: '.serverless/traces.zip' }, // plugin.js puts it there
  };
  for (const name of ['api', 'train']) {
    // Not in place: the workers of Lithops may have the same list.
    functions[name].layers = [...functions[name].layers, { Ref: 'TracesLambdaLayer' }];
    Object.assign(functions[name].environment, {
      ML_TRACES: traces,
      OTEL_EXPORTER_OTLP_ENDPOINT: tracesTo,
      ...(headers() ? { OTEL_EXPORTER_OTLP_HEADERS: headers() } : {}),
    });
  }
}

module.exports = { shareFault, collectorFault, configure };
