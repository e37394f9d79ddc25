// An SMPP 3.4 server for the tests: takes messages, returns receipts, and misbehaves when told to.
// It says what happens as one JSON object a line on stdout, and is told what to do in the same way on stdin.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const SYSTEM_ID = 'tongban';
const PASSWORD = 'secret';

// How the coming submissions are treated: accept, lose_answer, refuse (with status), silent, garbage, hang_up.
let behaviours = [];
// What becomes of accepted messages: a state, or null for no receipt. `form`: tlv, text.
let receipts = { state: 'DELIVRD', form: 'tlv' };
let accepted = 0;
// Bound sessions, and receipts that nobody has confirmed yet: like any gateway, it brings them again.
const sessions = new Set();
const unconfirmed = new Map();

const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };

function say(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

function sendReceipt(session, id, submitted, state) {
  unconfirmed.set(id, { submitted, state });
  const text = `id:${id} sub:001 dlvrd:001 submit date:2308010900 done date:2308010901 stat:${state} err:000 text:`;
  const fields = {
    source_addr: submitted.destination_addr,
    destination_addr: submitted.source_addr,
    esm_class: 0x04,
    short_message: receipts.form === 'text' ? text : '',
  };
  if (receipts.form !== 'text') {
    fields.receipted_message_id = id;
    fields.message_state = STATES[state];
  }
  session.deliver_sm(fields, (answer) => {
    if (answer.command_status === 0) unconfirmed.delete(id);
    say({ event: 'receipt_answered', id, status: answer.command_status });
  });
}

function bringAgain(session) {
  for (const [id, { submitted, state }] of unconfirmed) sendReceipt(session, id, submitted, state);
}

function left(session) {
  sessions.delete(session);
  const other = sessions.values().next().value;
  if (other) bringAgain(other);
}

function submitted(session, pdu) {
  const how = behaviours.length ? behaviours.shift() : { how: 'accept' };
  if (how.how === 'silent') return;
  if (how.how === 'hang_up') return session.destroy();
  if (how.how === 'garbage') return session.socket.write(Buffer.from(how.bytes, 'hex'));
  if (how.how === 'refuse') return session.send(pdu.response({ command_status: how.status }));
  accepted += 1;
  const id = `m${accepted}`;
  const content = pdu.short_message;
  say({
    event: 'submitted',
    id,
    source: pdu.source_addr,
    destination: pdu.destination_addr,
    ton: pdu.dest_addr_ton,
    coding: pdu.data_coding,
    reference: pdu.user_message_reference,
    registered: pdu.registered_delivery,
    text: content.message,
    header: content.udh ? content.udh.map((part) => part.toString('hex')) : [],
  });
  if (how.how === 'lose_answer') return session.destroy();
  session.send(pdu.response({ message_id: id }));
  if (receipts.state) sendReceipt(session, id, pdu, receipts.state);
}

const server = smpp.createServer((session) => {
  session.on('bind_transceiver', (pdu) => {
    const right = pdu.system_id === SYSTEM_ID && pdu.password === PASSWORD;
    say({ event: 'bound', right });
    session.send(pdu.response({ command_status: right ? 0 : smpp.ESME_RINVPASWD }));
    if (!right) return session.close();
    sessions.add(session);
    bringAgain(session);
  });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    say({ event: 'unbound' });
    session.send(pdu.response());
    session.close();
  });
  session.on('close', () => left(session));
  session.on('error', () => {});
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  if (order.do === 'behave') behaviours = order.how;
  if (order.do === 'receipts') receipts = { ...receipts, ...order.with };
  if (order.do === 'receipt') {
    const late = { destination_addr: '', source_addr: '' };
    for (const session of sessions) sendReceipt(session, order.id, late, order.state);
  }
  if (order.do === 'hang_up') for (const session of sessions) session.destroy();
  say({ event: 'done', order: order.do });
}).on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
