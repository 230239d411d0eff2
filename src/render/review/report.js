// The list of a report: search, filters, groups and rows made when they are opened. It loads nothing and sends nothing.
// Data gets into the page as text only. Without a document (a test) the pure functions are handed out and nothing else happens.
(function () {
  'use strict';

  // Columns of a row, in the order in which render/review/html/data.rs writes them.
  var ORIGIN = 0, KIND = 1, PERSON = 2, WHAT = 3, TARGETS = 4, BEFORE = 5, AFTER = 6, INSTEAD = 7, CAUSE = 8, HOW = 9, FLAGS = 10, ALONG = 11, PLACES = 12;
  var WITHHELD = 1, HIDDEN = 2, VALUES = 4, HELD = 8;
  var ROWS = 100, GROUPS = 60;
  var FIRST = { q: '', o: '0', k: '', t: '', c: '', g: 'c' };

  function number(count) {
    return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
  }

  function list(words) {
    return words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' and ' + words[words.length - 1];
  }

  // What is searched for: words, and phrases in quotes.
  function terms(text) {
    return (text.toLowerCase().match(/"[^"]*"|\S+/g) || []).map(function (term) { return term.replace(/"/g, ''); }).filter(Boolean);
  }

  // Filters as the part of the address behind #; what is as at first is left out.
  function write(state) {
    return Object.keys(FIRST).filter(function (name) { return state[name] !== FIRST[name]; })
      .map(function (name) { return name + '=' + encodeURIComponent(state[name]); }).join('&');
  }

  function read(hash) {
    var state = Object.assign({}, FIRST);
    hash.replace(/^#/, '').split('&').forEach(function (part) {
      var at = part.indexOf('='), name = part.slice(0, at);
      if (at > 0 && Object.prototype.hasOwnProperty.call(FIRST, name)) {
        try { state[name] = decodeURIComponent(part.slice(at + 1)); } catch (error) { state[name] = FIRST[name]; }
      }
    });
    return state;
  }

  // Rows as the list needs them, each with the text that is searched.
  function prepare(data) {
    var text = function (at) { return at < 0 ? '' : data.texts[at]; };
    return data.rows.map(function (row) {
      var person = data.people[row[PERSON]], kind = data.kinds[row[KIND]], cause = data.causes[row[CAUSE]];
      var targets = data.targetSets[row[TARGETS]].map(function (at) { return data.targets[at]; });
      var one = {
        origin: row[ORIGIN], rank: row[KIND], kind: kind, key: person[0], name: person[1], title: person[2] || '', what: text(row[WHAT]),
        targets: targets, before: text(row[BEFORE]), after: text(row[AFTER]), instead: text(row[INSTEAD]), cause: row[CAUSE],
        cancels: row[HOW] === 2, releases: row[HOW] === 3, held: !!(row[FLAGS] & HELD), withheld: !!(row[FLAGS] & WITHHELD), hidden: !!(row[FLAGS] & HIDDEN), values: !!(row[FLAGS] & VALUES),
        along: text(row[ALONG]), places: data.placeSets[row[PLACES]].map(function (at) { return data.places[at]; })
      };
      var places = one.places.map(function (place) { return place[0] + ':' + place[1]; });
      one.search = [one.name, one.key, one.title, one.what, one.before, one.after, one.along, kind.pick, cause.title]
        .concat(targets, places).join(' ').toLowerCase();
      return one;
    });
  }

  function matches(state, words, row) {
    return (state.o === '' || row.origin === +state.o) && (!state.k || row.kind.id === state.k) &&
      (!state.t || row.targets.indexOf(state.t) >= 0) && (state.c === '' || row.cause === +state.c) &&
      words.every(function (word) { return row.search.indexOf(word) >= 0; });
  }

  function filter(rows, state) {
    var words = terms(state.q);
    return rows.filter(function (row) { return matches(state, words, row); });
  }

  // Equal things below one heading; the gravest cause first.
  function group(rows, by) {
    var found = new Map(), worst = {};
    rows.forEach(function (row) {
      var place = by === 'p' ? row.key : [by === 'c' ? row.origin + '/' + row.cause : '', row.rank, row.cancels, row.releases, row.held, row.withheld, row.what, row.targets.join('+')].join('|');
      if (by === 't') place = row.targets.join('+') + '|' + place;
      if (!found.has(place)) found.set(place, { rows: [], first: row });
      found.get(place).rows.push(row);
      var cause = row.origin * 100000 + row.cause;
      worst[cause] = Math.min(row.rank, cause in worst ? worst[cause] : row.rank);
    });
    var cause = function (one) { return one.first.origin * 100000 + one.first.cause; };
    return Array.from(found.values()).sort(function (one, other) {
      if (by === 'p') return one.first.rank - other.first.rank || (one.first.name < other.first.name ? -1 : 1);
      var causes = by === 'c' ? one.first.origin - other.first.origin || worst[cause(one)] - worst[cause(other)] || cause(one) - cause(other) : 0;
      var targets = by === 't' ? one.first.targets.join('+').localeCompare(other.first.targets.join('+')) : 0;
      return causes || targets || one.first.rank - other.first.rank || other.rows.length - one.rows.length;
    });
  }

  function phrase(row, many) {
    var words = row.kind[row.cancels ? (many ? 'stay' : 'stays') : row.withheld ? 'would' : (many ? 'many' : 'one')];
    return (row.withheld && !row.cancels ? 'would ' : '') + words.replace('{}', row.what);
  }

  function heading(one, by) {
    var row = one.first, count = one.rows.length;
    if (by === 'p') return row.title ? row.name + ', ' + row.title : row.name;
    var subject = row.kind.people ? (count === 1 ? ' person ' : ' people ') : (count === 1 ? ' group ' : ' groups ');
    // What follows from it stands behind the place.
    var words = phrase(row, count > 1), follows = words.indexOf(', which');
    var first = follows < 0 ? words : words.slice(0, follows), last = follows < 0 ? '' : words.slice(follows);
    return number(count) + subject + first + (row.targets.length ? ' at ' + list(row.targets) : '') + last;
  }

  function values(row) {
    return row.hidden ? 'not shown here' : row.before + ' \u2192 ' + row.after;
  }

  if (typeof document === 'undefined') {
    module.exports = { terms: terms, write: write, read: read, prepare: prepare, filter: filter, group: group, heading: heading, number: number, list: list };
    return;
  }

  var data = JSON.parse(document.getElementById('data').textContent);
  var rows = prepare(data), state = read(location.hash), shown = GROUPS, timer;
  var find = function (id) { return document.getElementById(id); };

  function make(tag, kind, text) {
    var element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function link(place) {
    var words = place[0] + ':' + place[1];
    if (!place[2]) return make('code', '', words);
    var anchor = make('a', '', words);
    anchor.href = place[2];
    return anchor;
  }

  // The first word that was searched for stands out.
  function marked(text, words) {
    var part = document.createDocumentFragment(), low = text.toLowerCase();
    var word = words.filter(function (word) { return word.length > 1 && low.indexOf(word) >= 0; })[0];
    var at = word ? low.indexOf(word) : -1;
    if (at < 0 || low.length !== text.length) return document.createTextNode(text);
    part.appendChild(document.createTextNode(text.slice(0, at)));
    part.appendChild(make('mark', '', text.slice(at, at + word.length)));
    part.appendChild(document.createTextNode(text.slice(at + word.length)));
    return part;
  }

  function told(label, content) {
    var line = make('p');
    line.appendChild(make('b', '', label + ' '));
    [].concat(content).forEach(function (part) { line.appendChild(typeof part === 'string' ? document.createTextNode(part) : part); });
    return line;
  }

  // Where a row comes from, made when somebody asks.
  function provenance(row) {
    var box = make('div', 'why'), cause = data.causes[row.cause], places = [cause.title];
    row.places.forEach(function (place) { places.push(' ', link(place)); });
    box.appendChild(told('Why', places));
    if (cause.was || cause.now) {
      var rule = [];
      if (cause.was) rule.push(make('del', '', cause.was), ' ');
      if (cause.now) rule.push(make('ins', '', cause.now));
      box.appendChild(told(cause.field || 'Rule', rule));
    }
    if (row.instead) box.appendChild(told('Without this branch', row.instead));
    box.appendChild(told('Key', row.key));
    box.appendChild(told('More', make('code', '', 'headcount explain ' + row.key)));
    return box;
  }

  function entry(row, words) {
    var item = make('li', 'row'), fold = make('details'), head = make('summary');
    head.appendChild(make('span', 'sign ' + row.kind.side, row.kind.sign));
    var who = make('span', 'who');
    who.appendChild(marked(row.name, words));
    if (row.title) who.appendChild(make('small', '', row.title));
    head.appendChild(who);
    var what = make('span', 'what');
    what.appendChild(marked(row.values ? row.what + ': ' + values(row) : phrase(row, false), words));
    if (row.withheld) what.appendChild(make('b', '', ' withheld'));
    if (row.held) what.appendChild(make('b', '', row.releases ? ' held without this branch' : ' held'));
    if (row.along) what.appendChild(make('small', '', row.along));
    head.appendChild(what);
    head.appendChild(make('span', 'at', row.targets.join(', ')));
    fold.appendChild(head);
    fold.addEventListener('toggle', function () { if (fold.open && fold.childNodes.length < 2) fold.appendChild(provenance(row)); });
    item.appendChild(fold);
    return item;
  }

  function ordered(one) {
    var counts = {};
    one.rows.forEach(function (row) { var pair = row.values ? values(row) : ''; counts[pair] = (counts[pair] || 0) + 1; });
    return one.rows.map(function (row) { return { row: row, pair: row.values ? values(row) : '' }; }).sort(function (left, right) {
      return state.g === 'p' ? left.row.rank - right.row.rank : counts[right.pair] - counts[left.pair] || left.pair.localeCompare(right.pair) || left.row.name.localeCompare(right.row.name);
    }).map(function (entry) { return { row: entry.row, pair: entry.pair, count: counts[entry.pair] }; });
  }

  function fill(fold, one, words) {
    if (fold.childNodes.length > 1) return;
    var all = ordered(one), body = make('ul', 'rows'), more = make('button', 'more'), at = 0, last = '';
    more.type = 'button';
    function add() {
      var part = document.createDocumentFragment(), end = Math.min(all.length, at + ROWS);
      for (; at < end; at++) {
        if (state.g !== 'p' && all[at].pair && all[at].count > 1 && all[at].pair !== last) {
          last = all[at].pair;
          part.appendChild(make('li', 'pair', last + ' for ' + number(all[at].count)));
        }
        part.appendChild(entry(all[at].row, words));
      }
      body.appendChild(part);
      if (at >= all.length) { more.remove(); return; }
      more.textContent = 'Show ' + number(Math.min(ROWS, all.length - at)) + ' more of ' + number(all.length - at);
    }
    more.addEventListener('click', function () {
      var next = body.children.length;
      add();
      var first = body.children[next] && body.children[next].querySelector('summary');
      if (first) first.focus();
    });
    fold.appendChild(body);
    fold.appendChild(more);
    add();
  }

  function block(one, words, few) {
    var fold = make('details', 'group'), head = make('summary');
    fold.dataset.side = one.first.kind.side;
    head.appendChild(make('span', 'sign ' + one.first.kind.side, one.first.kind.sign));
    head.appendChild(make('span', 'title', heading(one, state.g)));
    fold.appendChild(head);
    fold.addEventListener('toggle', function () { if (fold.open) fill(fold, one, words); });
    if (few && one.rows.length <= 7) { fold.open = true; fill(fold, one, words); }
    return fold;
  }

  function render() {
    var words = terms(state.q), found = filter(rows, state), all = group(found, state.g), part = document.createDocumentFragment(), last = null;
    all.slice(0, shown).forEach(function (one) {
      var cause = one.first.origin + '/' + one.first.cause;
      if (state.g === 'c' && cause !== last) {
        last = cause;
        var title = make('h3', 'cause', (one.first.origin ? 'Pending: ' : '') + data.causes[one.first.cause].title + ' ');
        if (data.causes[one.first.cause].place) title.appendChild(link(data.causes[one.first.cause].place));
        part.appendChild(title);
      }
      part.appendChild(block(one, words, all.length <= 20 || words.length));
    });
    if (all.length > shown) {
      var more = make('button', 'more', 'Show ' + number(Math.min(GROUPS, all.length - shown)) + ' more groups of ' + number(all.length - shown));
      more.type = 'button';
      more.addEventListener('click', function () { shown += GROUPS; render(); });
      part.appendChild(more);
    }
    find('out').textContent = '';
    find('out').appendChild(part);
    var who = new Set(found.filter(function (row) { return row.kind.people; }).map(function (row) { return row.key; })).size;
    find('count').textContent = !rows.length ? 'There are no changes.'
      : !found.length ? 'Nothing matches. Clear the filters' + (find('origin').hidden ? '.' : ', or show both.')
      : number(found.length) + (found.length === 1 ? ' line' : ' lines') + (who ? ' about ' + number(who) + (who === 1 ? ' person' : ' people') : '') + ', in ' + number(all.length) + (all.length === 1 ? ' group' : ' groups');
    document.querySelectorAll('button.tile').forEach(function (tile) { tile.setAttribute('aria-pressed', String(state.k === tile.dataset.kind)); });
    var hash = write(state);
    try { history.replaceState(null, '', hash ? '#' + hash : location.pathname + location.search); } catch (error) { return; }
  }

  function sync() {
    ['q', 'k', 't', 'c', 'g'].forEach(function (name) { find(name).value = state[name]; });
    document.querySelectorAll('input[name=o]').forEach(function (input) { input.checked = input.value === state.o; });
  }

  function go() { shown = GROUPS; render(); }

  function options(id, first, pairs) {
    var select = find(id), all = make('option', '', first);
    all.value = '';
    select.appendChild(all);
    pairs.forEach(function (pair) { var option = make('option', '', pair[1]); option.value = pair[0]; select.appendChild(option); });
  }

  function clear() { state = Object.assign({}, FIRST); sync(); go(); }

  var used = function (key) { return new Set(rows.map(function (row) { return row[key]; })); };
  var ranks = used('rank'), causes = used('cause');
  options('k', 'anything', data.kinds.filter(function (kind, at) { return ranks.has(at); }).map(function (kind) { return [kind.id, kind.pick]; }));
  options('t', 'all', data.targets.map(function (target) { return [target, target]; }));
  options('c', 'any', data.causes.map(function (cause, at) { return [String(at), cause.title.slice(0, 60)]; }).filter(function (pair) { return causes.has(+pair[0]); }));
  find('tools').hidden = !rows.length;
  if (!rows.some(function (row) { return row.origin === 1; })) find('origin').hidden = true;
  sync();

  find('q').addEventListener('input', function () { clearTimeout(timer); timer = setTimeout(function () { state.q = find('q').value; go(); }, 120); });
  ['k', 't', 'c', 'g'].forEach(function (name) { find(name).addEventListener('change', function () { state[name] = find(name).value; go(); }); });
  document.querySelectorAll('input[name=o]').forEach(function (input) { input.addEventListener('change', function () { state.o = input.value; go(); }); });
  document.querySelectorAll('button.tile').forEach(function (tile) {
    tile.addEventListener('click', function () {
      state.k = state.k === tile.dataset.kind ? '' : tile.dataset.kind;
      state.o = '0';
      sync();
      go();
      if (state.k) find('list').scrollIntoView();
    });
  });
  find('tools').addEventListener('submit', function (event) { event.preventDefault(); });
  find('clear').addEventListener('click', function () { clear(); find('q').focus(); });
  find('open').addEventListener('click', function () {
    var folds = Array.from(document.querySelectorAll('#out details.group')), closed = folds.some(function (fold) { return !fold.open; });
    folds.forEach(function (fold) { fold.open = closed; });
    find('open').textContent = closed ? 'Close all' : 'Open all';
  });
  document.addEventListener('keydown', function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); find('q').focus(); }
    if (event.key === 'Escape' && document.activeElement === find('q')) { state.q = ''; sync(); go(); }
  });
  // A link to a place in the page (past the head) is no address of filters: what is filtered, and what is just being typed, stays.
  window.addEventListener('hashchange', function () {
    if (location.hash && location.hash.indexOf('=') < 0) return;
    state = read(location.hash);
    sync();
    go();
  });
  window.addEventListener('beforeprint', function () {
    document.querySelectorAll('#out details.group[data-side=lose], #out details.group[data-side=warn]').forEach(function (fold) { fold.open = true; });
  });
  render();
})();
