'use strict';

// What the framework's own AWS verbs leave to us. Every step is Python (`python -m providers.aws…`); this file
// only says when: our layers before the template names them, `.pyc` files into the framework's zip, the project's
// environment for `invoke local`, what can be said before a deployment, and what `remove` asks and leaves.

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const { nameFault } = require('./names.js');
const { ARTIFACT } = require('./onnx.js');
const { configure, extend } = require('./template.js');
const parameters = require('../parameters');

// What else boto3 takes for an identity. AWS_SECURITY_TOKEN is the old name of the session's token.
const OTHER_IDENTITIES = [
  ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'],
];

// The commands that act where something is deployed, and say first where that is.
const ELSEWHERE = /^(deploy|info|invoke|logs|metrics|remove|rollback)( (function|list|list functions))?$/;

class ServerlessMlOnAws {
  constructor(serverless, options, { log, progress }) {
    this.serverless = serverless;
    this.options = options;
    this.log = log;
    this.progress = progress;
    this.aws = serverless.getProvider('aws');
    this.environment = path.join(serverless.serviceDir, '.venv');

    this.commands = {
      remove: {
        options: {
          'dry-run': { usage: 'Print what would be removed, remove nothing', type: 'boolean' },
          'yes': { usage: 'Do not ask', type: 'boolean' },
        },
      },
    };
    this.hooks = {
      'initialize': () => this.begin(),
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.extendTemplate(),
      'before:package:compileLayers': () => this.packageWithoutAnAccount(),
      'before:package:createDeploymentArtifacts': () => this.packageGraphs(), // the framework looks whether it is there
      'after:package:createDeploymentArtifacts': () => this.finishPackages(),
      'before:deploy:function:packageFunction': () => this.prepareFunction(),
      'after:deploy:function:packageFunction': () => this.finishCode(),
      'before:remove:remove': () => this.planRemoval(),
      'after:remove:remove': () => this.removeLeftovers(),
    };
  }

  async begin() {
    const { service } = this.serverless;
    const command = this.serverless.processedInput.commands.join(' ');
    this.refuse(parameters.unknown(this.serverless));
    configure(service, service.custom.options, { pages: service.custom.web.any === 'yes' });
    if (command === 'invoke local') this.prepareInvokeLocal();
    if (/^(deploy|package)$/.test(command)) this.refuse(nameFault(service, this.aws.naming.getStackName()));
    if (ELSEWHERE.test(command)) await this.sayWhere(command);
    if (command === 'deploy') await this.checkAccount();
    this.keepParameters();
  }

  refuse(fault) {
    if (fault) throw new this.serverless.classes.Error(fault);
  }

  // On standard error: what a command prints may be read by a program.
  async sayWhere(command) {
    const { service } = this.serverless;
    const account = await this.known(this.aws.getAccountId());
    const place = [`aws account ${account}`, this.aws.getRegion(), `stage ${this.aws.getStage()}`, `service ${service.service}`];
    process.stderr.write(`${command}: ${place.join(', ')}\n`);
  }

  // As an output of the stack, so that the next deployment can say which of them go back.
  keepParameters() {
    const { changed } = parameters.differing(this.serverless);
    if (!Object.keys(changed).length) return;
    const output = { Description: 'the parameters that are not at their defaults', Value: JSON.stringify(changed) };
    this.serverless.service.resources.Outputs.DeployedParameters = output;
  }

  extendTemplate() {
    const { custom, provider } = this.serverless.service;
    const { tags } = provider;
    extend(provider.compiledCloudFormationTemplate, custom.options, { base: this.aws.naming.getStackName(), tags });
  }

  // The framework runs `python3` of VIRTUAL_ENV or PATH: without an activated environment that is the machine's,
  // which has none of our packages. References to the deployed stack cannot be resolved on a laptop that has no
  // account, and nothing local needs them: `invoke local` works on a folder.
  prepareInvokeLocal() {
    if (!process.env.VIRTUAL_ENV) process.env.VIRTUAL_ENV = this.ownEnvironment();
    const { service } = this.serverless;
    for (const { environment = {} } of [service.provider, ...Object.values(service.functions)]) {
      for (const [name, value] of Object.entries(environment)) {
        if (typeof value === 'object') delete environment[name];
      }
    }
  }

  // The framework asks the deployed stack whether a layer is new, even for `package`, which needs no account.
  // Without credentials every layer counts as new; a deployment would stop at its next call.
  packageWithoutAnAccount() {
    const layers = this.serverless.pluginManager.plugins.find((each) => each.compareWithLastLayer);
    const compare = layers.compareWithLastLayer;
    layers.compareWithLastLayer = (name) =>
      compare.call(layers, name).catch((error) => {
        if (error.code !== 'AWS_CREDENTIALS_NOT_FOUND') throw error;
      });
  }

  async finishPackages() {
    const { architecture } = this.serverless.service.provider;
    const into = (name) => path.join('.serverless', `${name}.zip`);
    // Under the plugin's own name: it has zipped the same wheels, with their tests and without `.pyc` files.
    await this.python('providers.aws.deploying.packaging', 'Compiling the predict layer', [
      ...['predict', '--architecture', architecture],
      ...['--installed', path.join('.serverless', 'requirements'), '--out', into('pythonRequirements')],
    ]);
    await this.python('providers.aws.deploying.packaging', 'Building the training layer', [
      ...['training', '--architecture', architecture, '--out', into('training')],
    ]);
    for (const [name, doing] of [['lithops', 'Building the layer of Lithops'], ['traces', 'Building the layer of traces']]) {
      if (!this.serverless.service.layers[name]) continue;
      await this.python('providers.aws.deploying.packaging', doing, [name, '--architecture', architecture, '--out', into(name)]);
    }
    await this.finishCode();
  }

  // What runs graphs is a package of its own: nothing of the framework's goes into it.
  async packageGraphs() {
    if (!this.serverless.service.functions.onnx) return;
    const { architecture } = this.serverless.service.provider;
    const parameters = ['onnx', '--architecture', architecture, '--out', ARTIFACT];
    await this.python('providers.aws.deploying.packaging', 'Building the package that runs graphs', parameters);
  }

  async prepareFunction() {
    // It changes what is not published; the gateway calls a published version then.
    if (this.serverless.service.getFunction(this.options.function).provisionedConcurrency) {
      throw new this.serverless.classes.Error(
        `\`deploy function\` cannot change ${this.options.function} while warmInstances keeps a version of it warm: use \`deploy\``
      );
    }
    // It keeps what the last deployment left, and serverless-python-requirements fails on it.
    fs.rmSync(path.join(this.serverless.serviceDir, '.serverless', 'pythonRequirements.zip'), { force: true });
    if (this.options.function === 'onnx') await this.packageGraphs();
  }

  async finishCode() {
    const { service } = this.serverless;
    const named = Object.values(service.functions).map((each) => each.package && each.package.artifact);
    for (const zip of new Set([service.package.artifact, ...named].filter(Boolean))) {
      if (path.basename(zip) === path.basename(ARTIFACT)) continue;
      await this.python('providers.aws.deploying.packaging', 'Compiling the code', ['code', zip]);
    }
  }

  // What would fail after packaging, or after minutes in which CloudFormation rolls back.
  async checkAccount() {
    const reserved = Object.values(this.serverless.service.functions).map((each) => {
      const reserved = each.reservedConcurrency ?? 0;
      const cap = Number(reserved['Fn::If'] ? reserved['Fn::If'][1] : reserved);
      return Number.isFinite(cap) ? cap : each.provisionedConcurrency || 0;
    });
    const reserve = String(reserved.reduce((sum, each) => sum + each, 0));
    const given = ['--parameters', JSON.stringify(parameters.differing(this.serverless)), '--reserve', reserve];
    const place = ['--region', this.aws.getRegion(), '--stack', this.aws.naming.getStackName()];
    const env = await this.identity();
    const warnings = await this.python('providers.aws.deploying.preflight', 'Asking what the account allows', [...place, ...given], { env });
    for (const line of warnings.split('\n').filter(Boolean)) this.log.warning(line);
  }

  // A refusal here, or a no, ends the whole removal before the framework has deleted anything.
  async planRemoval() {
    const { custom, functions } = this.serverless.service;
    this.account = await this.known(this.aws.getAccountId());
    const parameters = ['plan', this.aws.naming.getStackName(), '--keys', functions.api.environment.ML_KEYS_PARAMETER];
    if (/^(yes|true)$/i.test(custom.deleteModels)) parameters.push('--delete-models');
    for (const option of ['dry-run', 'yes']) if (this.options[option]) parameters.push(`--${option}`);
    this.found = JSON.parse(await this.removal('Looking at what is deployed', parameters, { speaks: true }));
    // The framework would go on, and fail where there is no stack.
    if (!this.found.go) process.exit(0);
  }

  async removeLeftovers() {
    const { bucket, keys, tasks, delete_models: deleteModels } = this.found;
    const parameters = ['remove', '--keys', keys];
    if (tasks) parameters.push('--tasks', tasks);
    if (bucket) parameters.push(bucket);
    if (deleteModels) parameters.push('--delete-models');
    await this.removal('Removing the bucket of the models', parameters, { speaks: true });
  }

  async removal(doing, parameters, how) {
    const where = ['--region', this.aws.getRegion(), '--account', this.account];
    const env = await this.identity();
    return this.python('providers.aws.deploying.removal', doing, [...where, ...parameters], { env, ...how });
  }

  // The framework's own credentials, as boto3 takes no others: with a profile and AWS_ACCESS_KEY_ID both set it
  // would choose the other than the framework. Asked anew for each child, since a role's run out.
  async identity() {
    const credentials = await this.known(this.aws.getAwsSdkV3CredentialsProvider()());
    const env = { ...process.env };
    for (const name of OTHER_IDENTITIES) delete env[name];
    env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    if (credentials.sessionToken) env.AWS_SESSION_TOKEN = credentials.sessionToken;
    env.AWS_REGION = env.AWS_DEFAULT_REGION = this.aws.getRegion();
    return env;
  }

  // What the framework asks of AWS for us; a failure is one line.
  known(asked) {
    return asked.catch((error) => {
      throw new this.serverless.classes.Error(`cannot find out whose AWS credentials these are: ${error.message}`);
    });
  }

  ownEnvironment() {
    if (fs.existsSync(this.environment)) return this.environment;
    throw new this.serverless.classes.Error('the Python environment .venv is missing: run `make setup` first');
  }

  // Runs a module of this project and resolves with what it printed. What it says on stderr is progress, unless it
  // speaks with the person. Who asks something of AWS gets `identity()` as its `env`.
  python(module, doing, parameters, { speaks = false, env = process.env } = {}) {
    const progress = this.progress.get(`serverless-ml-${module}`);
    if (!speaks) progress.update(doing);
    return new Promise((resolve, reject) => {
      const child = spawn(path.join(this.ownEnvironment(), 'bin', 'python'), ['-m', module, ...parameters], {
        cwd: this.serverless.serviceDir,
        env,
        stdio: ['inherit', 'pipe', speaks ? 'inherit' : 'pipe'],
      });
      const printed = [];
      const said = [];
      child.stdout.on('data', (data) => printed.push(String(data)));
      child.stderr?.on('data', (data) => said.push(String(data)) && progress.update(String(data).trim()));
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) return resolve(printed.join('').trim());
        // It has said why itself; the framework's own report would bury it.
        if (speaks) process.exit(code || 1);
        return reject(new this.serverless.classes.Error(said.join('').trim() || `${module} ended with exit code ${code}`));
      });
    }).finally(() => progress.remove());
  }
}

module.exports = ServerlessMlOnAws;
