'use strict';
// The page of a learner. It asks the server for what it shows, once a second at most, while it is visible.
(() => {
  const $ = (id) => document.getElementById(id);
  const MODEL_EVERY_MS = 2000;
  const LIST_EVERY_MS = 5000;
  // The server sends something every three seconds at least. A machine that is gone does not say so.
  const SILENT_MS = 10000;
  const ANSWER_MS = 60000;
  const COLORS = ['#2f7fc1', '#d9722e', '#2e9e6b', '#b0479b', '#8a7a1d', '#c2413c', '#5d62c9', '#1f9aa8'];

  const state = {
    token: sessionStorage.getItem('token') || '',
    model: '',
    picks: [],
    axis: 'time',
    search: '',
    weightsSearch: '',
    cannotTellMoves: null,
    letters: -1,
    models: 0,
    shown: null,
    charts: {},
  };

  // ---- numbers and elements

  const whole = (n) => Math.round(n).toLocaleString('en-US');
  const digits = (n, d = 4) => (n === null || n === undefined ? '–' : n.toFixed(d));
  const short = (n) => (n === null || n === undefined ? '–' : Number(n).toPrecision(4).replace(/\.?0+($|e)/, '$1'));
  const clock = (ms) => {
    const at = new Date(ms);
    // as the charts have it: in the time zone of the reader
    return Math.abs(Date.now() - ms) < 864e5 ? at.toLocaleTimeString() : at.toLocaleString();
  };
  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const row = (...cells) => {
    const made = element('tr');
    for (const cell of cells) {
      if (cell instanceof Node) {
        const data = element('td');
        data.append(cell);
        made.append(data);
      } else {
        made.append(element('td', cell));
      }
    }
    return made;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ---- the server

  class Refused extends Error {}

  const call = (path, headers = {}, options = {}) =>
    fetch(path, { signal: AbortSignal.timeout(ANSWER_MS), ...options, headers: state.token ? { ...headers, Authorization: 'Bearer ' + state.token } : headers });

  async function get(path) {
    const answer = await call(path);
    if (answer.status === 401) {
      askForToken((await answer.json()).message);
      throw new Refused();
    }
    if (!answer.ok) throw new Error((await answer.json()).message);
    return answer.json();
  }

  function askForToken(message) {
    $('login').hidden = false;
    $('login-problem').textContent = state.token ? message : '';
    say('a token is needed', 'bad');
  }

  $('login').addEventListener('submit', (event) => {
    event.preventDefault();
    state.token = $('token').value;
    sessionStorage.setItem('token', state.token);
    $('login').hidden = true;
    begin();
  });

  function say(text, kind) {
    if ($('state').textContent !== text) $('state').textContent = text;
    $('state').className = kind || '';
  }

  // Server-sent events by fetch, because an EventSource cannot send a token.
  async function follow() {
    let isFull = false;
    const silent = new AbortController();
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
    };
    try {
      heard();
      const answer = await call('v1/events', { Accept: 'text/event-stream' }, { signal: silent.signal });
      if (answer.ok) {
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let buffer = '';
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          heard();
          buffer += value;
          const ends = buffer.split('\n\n');
          buffer = ends.pop();
          for (const event of ends) {
            const name = /^event: ?(.*)$/m.exec(event);
            const data = /^data: ?(.*)$/m.exec(event);
            if (name && name[1] === 'tick' && data) tick(JSON.parse(data[1]));
            if (name && name[1] === 'full') isFull = true;
          }
        }
      }
    } catch {
      // the server is gone
    }
    clearTimeout(timer);
    lost(isFull ? 'too many pages are open' : undefined);
  }

  /** Begins again, because the server may now be that of another learner. */
  function lost(why = 'not connected, trying again') {
    say(why, 'bad');
    for (const id of ['steps', 'predictions-rate', 'lag']) $(id).textContent = '–';
    setTimeout(begin, 2000);
  }

  // ---- what goes on

  const STATES = {
    RUNNING: ['running', 'good'],
    STARTING: ['starting', ''],
    CREATED: ['starting', ''],
    REBALANCING: ['rebalancing or restoring', ''],
    PENDING_SHUTDOWN: ['stopping', 'bad'],
    NOT_RUNNING: ['stopped', 'bad'],
    PENDING_ERROR: ['failed', 'bad'],
    ERROR: ['failed', 'bad'],
  };

  function tick(now) {
    say(...(STATES[now.state] || [now.state.toLowerCase(), '']));
    $('steps').textContent = whole(now.stepsPerSecond);
    $('predictions-rate').textContent = whole(now.predictionsPerSecond);
    $('lag').textContent = now.lag === undefined ? '–' : whole(now.lag);
    $('letters').textContent = whole(now.deadLetters) + (now.deadLettersAreMore ? ' or more' : '');
    $('letters').className = now.deadLetters > 0 ? 'bad' : '';
    // the page has only read of some models if there are many
    const models = Math.max(now.models, state.models);
    $('models-count').textContent = whole(models);
    $('models').hidden = models < 2 && !state.search;
    if (now.waiting !== undefined) {
      $('waiting-box').hidden = false;
      $('waiting').textContent = whole(now.waiting);
    }
    if (document.hidden) return;
    refresh(now);
  }

  const last = { model: 0, list: 0 };
  let busy = false;

  async function refresh(now) {
    if (busy) return;
    busy = true;
    try {
      const time = performance.now();
      if (now.models > 0 && (time - last.list > LIST_EVERY_MS || !state.model)) {
        last.list = time;
        await showModels();
      }
      if (state.model && time - last.model > MODEL_EVERY_MS) {
        last.model = time;
        await showModel();
      }
      if (now.deadLetters !== state.letters) {
        showDeadLetters(await get('v1/page/dead-letters'));
        state.letters = now.deadLetters;
      }
    } catch (problem) {
      if (!(problem instanceof Refused)) say(problem.message, 'bad');
    } finally {
      busy = false;
    }
  }

  // ---- the list of models

  function line(values) {
    const numbers = values.filter((v) => v !== null);
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('width', 60);
    svg.setAttribute('height', 22);
    svg.setAttribute('aria-hidden', 'true');
    if (numbers.length > 1) {
      const min = Math.min(...numbers);
      const range = Math.max(...numbers) - min || 1;
      const points = numbers.map((v, i) => `${(i / (numbers.length - 1)) * 58 + 1},${20 - ((v - min) / range) * 18}`);
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
      path.setAttribute('points', points.join(' '));
      path.setAttribute('fill', 'none');
      path.setAttribute('stroke', 'currentColor');
      svg.append(path);
    }
    return svg;
  }

  async function showModels() {
    const search = encodeURIComponent(state.search);
    const [read, all] = await Promise.all([
      get('v1/page/models?search=' + search),
      // what the learners have, which cannot answer while their partitions move
      get('v1/models?sort=worst&limit=200&search=' + search).catch(() => null),
    ]);
    const list = all && all.complete && all.total >= read.found ? merged(all, read) : read;
    if (!state.search) state.models = list.found;
    if (!state.model && list.models.length > 0) choose(list.models[0].model);
    const focused = document.activeElement && document.activeElement.dataset.model;
    const items = list.models.map((model) => {
      const button = element('button', null, { type: 'button', 'data-model': model.model });
      const { logLoss, baseRateLogLoss } = model.recent;
      const share = logLoss / baseRateLogLoss - 1;
      const known = logLoss !== null && baseRateLogLoss > 0;
      const loss = element('span', known ? `${digits(logLoss)} (${percent(share)})` : 'no labels yet', {
        class: 'loss' + (known && share > 0 ? ' bad' : ''),
      });
      button.append(element('span', model.model, { class: 'name' }), loss, line(model.line));
      if (model.model === state.model) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => choose(model.model));
      const item = element('li');
      item.append(button);
      return item;
    });
    $('models-list').replaceChildren(...items);
    if (focused) {
      const again = items.map((item) => item.firstChild).find((button) => button.dataset.model === focused);
      if (again) again.focus();
    }
    $('models-more').textContent =
      list.found > list.models.length
        ? `${whole(list.found)} models; the ${list.models.length} worst are shown.`
        : list.found === 0
          ? 'No model has this in its name.'
          : '';
    $('models-more').className = 'note';
  }

  /** Returns the list of all models, with the lines of those whose history was read. */
  function merged(all, read) {
    const lines = new Map(read.models.map((model) => [model.model, model.line]));
    const models = all.models.map((model) => ({
      model: model.id,
      recent: { logLoss: model.recentLogLoss, baseRateLogLoss: model.recentBaseRateLogLoss },
      line: lines.get(model.id) || [],
    }));
    return { found: all.total, models };
  }

  function choose(model) {
    if (state.model !== model) {
      state.model = model;
      state.picks = [];
      state.shown = null;
      // zoomed to what was of interest of the other one
      for (const { plot } of Object.values(state.charts)) plot.destroy();
      state.charts = {};
      $('moves').hidden = true;
      $('why').hidden = true;
    }
    location.hash = new URLSearchParams({ model }).toString();
    last.model = 0;
    for (const button of $('models-list').querySelectorAll('button')) {
      button.toggleAttribute('aria-current', button.dataset.model === model);
      if (button.dataset.model === model) button.setAttribute('aria-current', 'true');
    }
    showModel().catch(() => {});
  }

  /** The address says which model is shown, so that a link leads to it. */
  function chooseByAddress() {
    const model = new URLSearchParams(location.hash.slice(1)).get('model');
    if (model && model !== state.model) choose(model);
  }
  addEventListener('hashchange', chooseByAddress);

  $('search').addEventListener('input', (event) => {
    state.search = event.target.value;
    showModels().catch(() => {});
  });

  const percent = (share) => (share > 0 ? '+' : share < 0 ? '−' : '') + (Math.abs(share) * 100).toFixed(1) + '%';

  // ---- charts

  function xs(history) {
    return state.axis === 'time' ? history.time.map((ms) => ms / 1000) : history.version;
  }

  /**
   * Makes x rise strictly, as charts need it, by dropping as few points as possible: an event may be older than the one
   * before it. Of points at the same time the last one stays.
   */
  function rising(x, columns) {
    const tails = [];
    const before = [];
    for (let i = 0; i < x.length; i++) {
      let length = 0;
      let above = tails.length;
      while (length < above) {
        const middle = (length + above) >> 1;
        if (x[tails[middle]] < x[i]) length = middle + 1;
        else above = middle;
      }
      before[i] = length > 0 ? tails[length - 1] : -1;
      tails[length] = i;
    }
    const kept = [];
    for (let i = tails.length > 0 ? tails[tails.length - 1] : -1; i >= 0; i = before[i]) kept.push(i);
    kept.reverse();
    return [kept.map((i) => x[i]), ...columns.map((column) => kept.map((i) => column[i]))];
  }

  /**
   * Returns x for weights. Their records have the time at which they were published, and those of metrics have the time
   * of the events; so that charts agree, it is the time at which the model had these versions.
   */
  function xsOfWeights(history) {
    const { time, version } = state.shown.metrics.history;
    if (state.axis !== 'time' || version.length < 2) return xs(history);
    return history.version.map((at) => {
      const above = version.findIndex((each) => each >= at);
      if (above < 0) return time[time.length - 1] / 1000;
      if (above === 0) return time[0] / 1000;
      const share = (at - version[above - 1]) / (version[above] - version[above - 1]);
      return (time[above - 1] + share * (time[above] - time[above - 1])) / 1000;
    });
  }

  /** A line of one point would not be seen. */
  const isAlone = (u) => u.data[0].length === 1;
  /** The range of x: around a single point some seconds or steps, where uPlot would show years. */
  const around = (u, min, max) => (isAlone(u) ? [u.data[0][0] - 30, u.data[0][0] + 30] : [min, max]);

  function draw(id, series, data, options = {}) {
    const box = $(id);
    const width = box.clientWidth;
    const key = JSON.stringify([series.map((s) => [s.label, s.points]), state.axis, document.documentElement.dataset.theme]);
    const there = state.charts[id];
    if (there && there.key === key) {
      if (there.plot.width !== width) there.plot.setSize({ width, height: there.plot.height });
      const { min, max } = there.plot.scales.x;
      const x = there.plot.data[0];
      const isZoomed = min > x[0] || max < x[x.length - 1];
      there.plot.setData(data);
      if (isZoomed) there.plot.setScale('x', { min, max });
      return there.plot;
    }
    if (there) there.plot.destroy();
    const axis = { stroke: color('--soft'), grid: { stroke: color('--grid') }, ticks: { stroke: color('--grid') } };
    const plot = new uPlot(
      {
        width,
        height: options.height || 260,
        scales: {
          x: { time: state.axis === 'time' && !options.plainX, range: around, ...options.x },
          y: options.y || {},
        },
        axes: [
          { ...axis, ...(state.axis === 'version' && !options.plainX ? { values: (u, ticks) => ticks.map(shortCount) } : {}) },
          { ...axis, size: 60 },
        ],
        series: [
          {
            label: options.xLabel || (state.axis === 'time' ? 'Time' : 'Steps'),
            value: (u, v) => (v === null ? options.xLatest || 'latest' : xText(v, options)),
          },
          ...series.map((s, i) => ({
            stroke: s.color || COLORS[i % COLORS.length],
            width: 1.6,
            dash: s.dash,
            spanGaps: true,
            points: { show: s.points || isAlone, size: 6, fill: color('--card') },
            paths: s.paths,
            label: s.label,
            value: (u, v, i, at) => (at !== null ? short(v) : options.plainX ? '' : short(u.data[i][known(u, i, u.data[i].length - 1)])),
          })),
        ],
        focus: options.focus ? { alpha: 0.35 } : undefined,
        cursor: { focus: { prox: options.focus ? 40 : -1 }, drag: { x: true, y: false }, dataIdx: known },
        hooks: options.hooks || {},
      },
      data,
      box,
    );
    state.charts[id] = { plot, key };
    return plot;
  }

  const xText = (v, options) => (options.plainX ? digits(v, 2) : state.axis === 'time' ? clock(v * 1000) : whole(v));

  /** Returns the index of the last value of a line at the cursor or before. */
  function known(u, s, i) {
    while (s > 0 && i > 0 && (u.data[s][i] === null || u.data[s][i] === undefined)) i--;
    return i;
  }

  const shortCount = (n) => (n >= 1e6 ? n / 1e6 + ' M' : n >= 1e3 ? n / 1e3 + ' k' : n);

  // ---- a model

  async function showModel() {
    const model = state.model;
    const picks = state.picks.map((name) => '&pick=' + encodeURIComponent(name)).join('');
    const path = 'v1/page/models/' + encodeURIComponent(model);
    const shown = await get(`${path}?search=${encodeURIComponent(state.weightsSearch)}${picks}`);
    if (model !== state.model) return;
    if (shown.metrics === null) await askLearner(model, shown);
    if (model !== state.model) return;
    if (shown.metrics === null) {
      $('verdict').textContent = `${model}: no metrics were published yet.`;
      $('verdict').className = '';
      return;
    }
    state.shown = shown;
    drawModel();
  }

  /** Asks the learner about a model of which the page has read nothing, as happens with thousands of models. */
  async function askLearner(model, shown) {
    const path = 'v1/models/' + encodeURIComponent(model);
    const [latest, weights] = await Promise.all([get(path + '/metrics'), get(path + '/weights?limit=200')].map((asked) => asked.catch(() => null)));
    if (latest === null || weights === null) return;
    const now = { time: [Date.now()], version: [latest.version] };
    const history = { ...now, auc: [latest.overall.auc], recentAuc: [latest.recent.auc] };
    history.logLoss = [latest.overall.logLoss];
    history.baseRateLogLoss = [latest.overall.baseRateLogLoss];
    history.recentLogLoss = [latest.recent.logLoss];
    history.recentBaseRateLogLoss = [latest.recent.baseRateLogLoss];
    shown.metrics = { latest, history };
    const list = weights.weights.map((weight) => ({ ...weight, history: { time: now.time, version: [weights.version], weight: [weight.weight] } }));
    const wanted = (weight) => weight.name.toLowerCase().includes(state.weightsSearch.toLowerCase());
    const drawn = list.filter((weight) => state.picks.length === 0 || state.picks.includes(weight.name)).slice(0, 8);
    const moved = list.filter((weight) => weight.moved).sort((a, b) => Math.abs(b.moved) - Math.abs(a.moved));
    shown.weights = { ...weights, kept: list.length, drawn, strongest: list.filter(wanted), moved: moved.slice(0, 8) };
    shown.predictions = [];
    // the events can be looked up once the page has read of the model
    shown.isAsked = true;
    shown.reliability = [];
  }

  function drawModel() {
    const { metrics, weights, predictions, reliability } = state.shown;
    const { latest, history } = metrics;
    showVerdict(latest);
    draw(
      'loss-chart',
      [
        { label: 'recent', color: COLORS[0] },
        { label: 'base rate, recent', color: COLORS[1], dash: [5, 4] },
        { label: 'overall', color: COLORS[2] },
        { label: 'base rate, overall', color: COLORS[3], dash: [2, 3] },
      ],
      rising(xs(history), [history.recentLogLoss, history.recentBaseRateLogLoss, history.logLoss, history.baseRateLogLoss]),
    );
    $('loss-text').textContent =
      `Recent: ${digits(latest.recent.logLoss)}, where the base rate has ${digits(latest.recent.baseRateLogLoss)}. ` +
      `Overall: ${digits(latest.overall.logLoss)} and ${digits(latest.overall.baseRateLogLoss)}. ` +
      'Lower is better. The base rate always predicts the share of label 1. ' +
      `Recent are the last ${whole(latest.recent.examples)} examples. Each is predicted before it is learned.`;
    draw(
      'auc-chart',
      [{ label: 'recent', color: COLORS[0] }, { label: 'overall', color: COLORS[2] }],
      rising(xs(history), [history.recentAuc, history.auc]),
      { height: 200 },
    );
    $('auc-text').textContent =
      `Recent: ${digits(latest.recent.auc)}. Overall: ${digits(latest.overall.auc)}. ` +
      'It is 1 if every example with label 1 is ranked above all with label 0, and 0.5 for guesses. ' +
      `Calibration, recent: ${digits(latest.recent.calibration, 3)}: mean probability over mean label, which should be 1.`;
    showReliability(reliability);
    showWeights(weights);
    showPredictions(predictions);
  }

  function showVerdict(latest) {
    const { logLoss, baseRateLogLoss, examples } = latest.recent;
    let text = `${state.model}: `;
    let kind = '';
    if (!(baseRateLogLoss > 0)) {
      text += 'all recent labels are the same, so there is nothing to compare with.';
    } else {
      const share = logLoss / baseRateLogLoss - 1;
      kind = share < 0 ? 'good' : 'bad';
      text +=
        share < 0
          ? `log loss ${(-share * 100).toFixed(1)}% below the base rate's over the last ${whole(examples)} examples.`
          : `no better than always predicting the base rate over the last ${whole(examples)} examples` +
            (share > 0.005 ? `: its log loss is ${(share * 100).toFixed(1)}% above.` : '.');
    }
    if ($('verdict').textContent !== text) $('verdict').textContent = text;
    $('verdict').className = kind;
    document.title = `${digits(logLoss, 3)} ${state.model} · Thalweg`;
  }

  function showReliability(bins) {
    const text = $('reliability-text');
    if (bins.length === 0) {
      text.textContent = 'Needs predictions with a label.';
      $('reliability-chart').hidden = true;
      return;
    }
    $('reliability-chart').hidden = false;
    const x = [0, ...bins.map((bin) => bin.probability), 1];
    draw(
      'reliability-chart',
      [
        { label: 'share of label 1', color: COLORS[0], points: true },
        { label: 'perfect', color: COLORS[1], dash: [5, 4] },
      ],
      [x, [null, ...bins.map((bin) => bin.label), null], x],
      { height: 200, plainX: true, x: { range: [0, 1] }, y: { range: [0, 1] }, xLabel: 'mean probability', xLatest: ' ' },
    );
    const count = bins.reduce((sum, bin) => sum + bin.count, 0);
    text.textContent =
      'Of the events that were predicted at 0.8, 8 of 10 should have label 1: points belong on the dashed line. ' +
      `From ${whole(count)} recent predictions with a label, a sample if there are many.`;
  }

  // ---- weights

  function showWeights(weights) {
    const drawn = weights.drawn || [];
    if (drawn.length === 0) {
      $('weights-text').textContent = weights.version === undefined || weights.version < 0 ? 'Reading the weights …' : 'No weights.';
      return;
    }
    const tables = drawn.map((weight) => rising(xsOfWeights(weight.history), [weight.history.weight]));
    draw('weights-chart', drawn.map((weight) => ({ label: weight.name, points: weight.history.time.length < 2 })), uPlot.join(tables), {
      focus: true,
      hooks: { ready: [listenForJumps] },
    });
    const known = weights.kept < weights.size ? `, of which the ${weights.kept} strongest are kept here` : '';
    $('weights-text').textContent =
      `At version ${whole(weights.version)}, the model has ${whole(weights.size)} weights${known}. ` +
      (state.cannotTellMoves || 'Click on a line to see which events moved it there.');
    showPicks(weights);
    $('moved-caption').textContent = weights.movedSteps
      ? `Over the last ${whole(weights.movedSteps)} steps.`
      : 'How far weights move is only known with weights.window.';
    const canAsk = !state.cannotTellMoves && !state.shown.isAsked;
    $('moved-events').hidden = !canAsk;
    const rows = (weights.moved || []).map((weight) => {
      const cells = [weight.name, short(weight.weight), (weight.moved > 0 ? '+' : '') + short(weight.moved)];
      if (!canAsk) return row(...cells);
      const ask = element('button', 'Events', { type: 'button', 'aria-label': `Events that moved ${weight.name}` });
      const from = Math.max(0, weights.version - Math.min(weights.movedSteps, 5000));
      ask.addEventListener('click', () => showMoves(weight.name, from, weights.version));
      return row(...cells, ask);
    });
    replaceRows($('moved').tBodies[0], rows);
  }

  /** Replaces rows, unless somebody reads them or is about to press a button in them. */
  function replaceRows(body, rows) {
    if (!body.contains(document.activeElement) && !body.matches(':hover')) body.replaceChildren(...rows);
  }

  function showPicks(weights) {
    const list = $('weights-list');
    if (list.contains(document.activeElement)) return;
    const drawn = new Set(weights.drawn.map((weight) => weight.name));
    list.replaceChildren(
      ...(weights.strongest || []).slice(0, 60).map((weight) => {
        const button = element('button', weight.name, { type: 'button', 'aria-pressed': String(drawn.has(weight.name)) });
        button.addEventListener('click', () => {
          const now = state.picks.length > 0 ? state.picks : [...drawn];
          state.picks = now.includes(weight.name) ? now.filter((name) => name !== weight.name) : [...now, weight.name];
          button.setAttribute('aria-pressed', String(state.picks.includes(weight.name)));
          showModel().catch(() => {});
        });
        const item = element('li');
        item.append(button);
        return item;
      }),
    );
  }

  $('weights-search').addEventListener('input', (event) => {
    state.weightsSearch = event.target.value;
    showModel().catch(() => {});
  });

  function listenForJumps(plot) {
    let down = null;
    plot.over.addEventListener('mousedown', (event) => (down = event.clientX));
    plot.over.addEventListener('click', (event) => {
      // not at the end of a drag, which zooms
      if (down !== null && Math.abs(event.clientX - down) > 3) return;
      const at = plot.posToVal(plot.cursor.left, 'x');
      const nearest = nearestLine(plot);
      if (nearest === null) return;
      const { history, name } = state.shown.weights.drawn[nearest];
      const x = xsOfWeights(history);
      let i = x.findIndex((value) => value >= at);
      if (i < 0) i = x.length - 1;
      if (i > 0) showMoves(name, history.version[i - 1], history.version[i]);
    });
  }

  function nearestLine(plot) {
    const i = plot.cursor.idx;
    if (i === null || i === undefined) return null;
    let best = null;
    let distance = Infinity;
    for (let s = 1; s < plot.series.length; s++) {
      const value = plot.data[s][known(plot, s, i)];
      if (value === null || value === undefined) continue;
      const away = Math.abs(plot.valToPos(value, 'y') - plot.cursor.top);
      if (away < distance) {
        distance = away;
        best = s - 1;
      }
    }
    return best;
  }

  async function showMoves(feature, from, to) {
    $('moves').hidden = false;
    $('moves-title').textContent = `${feature}, from version ${whole(from)} to ${whole(to)}`;
    $('moves-text').textContent = 'Looking the events up …';
    $('moves-table').tBodies[0].replaceChildren();
    $('moves-table').hidden = true;
    if (state.cannotTellMoves) {
      $('moves-text').textContent = state.cannotTellMoves;
      return;
    }
    try {
      const query = new URLSearchParams({ feature, from, to });
      const found = await get(`v1/page/models/${encodeURIComponent(state.model)}/moves?${query}`);
      if (found.reason) {
        $('moves-text').textContent = found.reason;
        return;
      }
      $('moves-text').textContent =
        `${whole(found.steps)} steps moved the weight by ${short(found.sum)} in all. ` +
        'Each event moves it by −α·c·(a − y)·x. The largest moves first.';
      $('moves-table').hidden = false;
      $('moves-table').tBodies[0].replaceChildren(
        ...found.events.map((event) =>
          row(
            (event.step > 0 ? '+' : '') + short(event.step),
            short(event.value),
            digits(event.probability),
            short(event.label),
            event.id ?? '',
            `${event.partition}, ${event.offset}`,
          ),
        ),
      );
    } catch (problem) {
      $('moves-text').textContent = problem.message;
    }
  }

  // ---- predictions and dead letters

  function showPredictions(predictions) {
    $('predictions-text').textContent =
      predictions.length === 0 ? 'None of those that were read since this page was opened.' : 'A sample, if many are made. Press a partition and offset to see what each feature adds.';
    const rows = predictions.slice(0, 15).map((prediction) =>
      row(
        clock(prediction.time),
        prediction.id ?? '',
        digits(prediction.probability),
        prediction.label === null ? '' : short(prediction.label),
        prediction.logLoss === null ? '' : digits(prediction.logLoss),
        whole(prediction.version),
        explainButton(prediction),
      ),
    );
    replaceRows($('predictions').tBodies[0], rows);
  }

  function explainButton(prediction) {
    const where = `${prediction.partition}, ${prediction.offset}`;
    const button = element('button', where, { type: 'button', 'aria-label': `Why, for ${where}` });
    button.addEventListener('click', () => explain(prediction).catch(() => {}));
    return button;
  }

  /** Shows what each feature of an event adds to the logit, with the weights of now. */
  async function explain(prediction) {
    const { partition, offset } = prediction;
    $('why').hidden = false;
    $('why-title').textContent = `Event at partition ${partition}, offset ${offset}`;
    $('why-text').textContent = 'Looking the event up …';
    $('why-table').hidden = true;
    const answer = await call(
      `v1/models/${encodeURIComponent(state.model)}/predict`,
      { 'Content-Type': 'application/json' },
      { method: 'POST', body: JSON.stringify({ record: { partition, offset }, contributions: true }) },
    );
    const found = await answer.json();
    if (!answer.ok) {
      $('why-text').textContent = found.message;
      return;
    }
    $('why-text').textContent =
      `Served: probability ${digits(prediction.probability)}, by version ${whole(prediction.version)}. ` +
      `Now, version ${whole(found.version)} gives ${digits(found.probability)}: the bias ${short(found.bias)} ` +
      `and these contributions add up to the logit ${short(found.logit)}.`;
    $('why-table').hidden = false;
    const largest = found.contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    $('why-table').tBodies[0].replaceChildren(
      ...largest.slice(0, 50).map((each) =>
        row(each.feature, short(each.value), (each.contribution > 0 ? '+' : '') + short(each.contribution)),
      ),
    );
  }

  function bytes(label, field) {
    const box = element('div');
    if (field === null) {
      box.append(element('p', `No ${label}, or the record is too large to be repeated.`, { class: 'note' }));
      return box;
    }
    const size = `${label}, ${whole(field.bytes)} bytes`;
    box.append(element('p', field.text === undefined ? `${size}, in hexadecimal` : size, { class: 'note' }));
    box.append(element('pre', field.text === undefined ? field.hex : field.text));
    return box;
  }

  function showDeadLetters(letters) {
    const counts = Object.entries(letters.counts).sort((a, b) => b[1] - a[1]);
    $('reasons').replaceChildren(...counts.map(([reason, count]) => element('li', `${reason} ${whole(count)}`)));
    $('dead-letters-text').textContent =
      counts.length === 0 ? 'None.' : letters.atLeast ? 'At least so many: there are more than this page reads.' : '';
    if ($('dead-letters').querySelector('details[open]')) return;
    $('dead-letters').replaceChildren(
      ...letters.latest.slice(0, 20).map((letter) => {
        const details = element('details');
        details.append(
          element('summary', `${letter.reason}: ${letter.detail}`),
          element('p', `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}, ${clock(letter.time)}`, { class: 'note' }),
          bytes('key', letter.key),
          bytes('value', letter.value),
        );
        return details;
      }),
    );
  }

  // ---- the page itself

  for (const button of document.querySelectorAll('[data-axis]')) {
    button.addEventListener('click', () => {
      state.axis = button.dataset.axis;
      for (const each of document.querySelectorAll('[data-axis]')) {
        each.setAttribute('aria-pressed', String(each === button));
      }
      if (state.shown) drawModel();
    });
  }

  const dark = matchMedia('(prefers-color-scheme: dark)');

  function theme(name) {
    document.documentElement.dataset.theme = name;
    $('theme').textContent = name === 'dark' ? 'Light' : 'Dark';
    if (state.shown) drawModel();
  }

  $('theme').addEventListener('click', () => {
    const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    localStorage.setItem('theme', next);
    theme(next);
  });
  dark.addEventListener('change', () => {
    if (!localStorage.getItem('theme')) theme(dark.matches ? 'dark' : 'light');
  });
  theme(localStorage.getItem('theme') || (dark.matches ? 'dark' : 'light'));
  addEventListener('resize', () => state.shown && drawModel());
  document.addEventListener('visibilitychange', () => (last.model = 0));

  async function begin() {
    try {
      const about = await get('v1/page');
      $('application').textContent = about.application;
      state.cannotTellMoves = about.cannotTellMoves;
      chooseByAddress();
      state.letters = -1;
      last.model = last.list = 0;
      tick(about.tick);
      follow();
    } catch (problem) {
      if (!(problem instanceof Refused)) lost();
    }
  }
  begin();
})();
