'use strict';

// What `--param name=value` may name, and which parameters differ from their defaults. A parameter is known when
// the configuration declares it or reads it: a name that nothing reads would be accepted and do nothing.

const fs = require('fs');
const path = require('path');

const READ = /\$\{[^}]*?\bparam:([\w.-]+)/g;
const OF_EVERY_CLOUD = ['cloud']; // cloud.js reads it by itself

function configurations(serverless) {
  const { serviceDir, service } = serverless;
  return ['serverless.yml', path.join('providers', service.provider.name, 'config.yml')].map((each) => path.join(serviceDir, each));
}

function declared(serverless) {
  const { params } = serverless.configurationInput;
  const { default: defaults = {}, [stageOf(serverless)]: staged = {} } = params || {};
  return { defaults: defaults || {}, staged: staged || {} };
}

function stageOf({ service, processedInput }) {
  return processedInput.options.stage || service.provider.stage || 'dev';
}

function given({ processedInput }) {
  const pairs = [].concat(processedInput.options.param || []).map((each) => [each.split('=', 1)[0], each]);
  return Object.fromEntries(pairs.map(([name, each]) => [name, each.slice(name.length + 1).trimEnd()]));
}

function known(serverless) {
  const texts = configurations(serverless).filter(fs.existsSync).map((each) => fs.readFileSync(each, 'utf8'));
  const { defaults, staged } = declared(serverless);
  const read = texts.flatMap((text) => [...text.matchAll(READ)].map(([, name]) => name));
  return new Set([...OF_EVERY_CLOUD, ...Object.keys(defaults), ...Object.keys(staged), ...read]);
}

// The sentence about parameters that nothing reads; empty when there are none.
function unknown(serverless) {
  const names = known(serverless);
  const strangers = Object.keys(given(serverless)).filter((name) => !names.has(name));
  if (!strangers.length) return '';
  const cloud = serverless.service.provider.name;
  return `--param: expected parameters of ${cloud} (${[...names].sort().join(', ')}), got ${strangers.join(', ')}, which nothing reads`;
}

// The declared parameters that this run sets to another value than their default, and the defaults, as texts.
function differing(serverless) {
  const { defaults, staged } = declared(serverless);
  const now = { ...defaults, ...staged, ...given(serverless) };
  const names = Object.keys(defaults).filter((name) => String(now[name]) !== String(defaults[name]));
  const texts = (values, of) => Object.fromEntries(of.map((name) => [name, String(values[name])]));
  return { changed: texts(now, names.sort()), defaults: texts(defaults, Object.keys(defaults)) };
}

module.exports = { unknown, differing };
