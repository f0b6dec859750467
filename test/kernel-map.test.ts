/** docs/kernel-map.md names code that exists. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/kernel-map.md', root), 'utf8');

/** Members that the page must speak of, by structure (Linux 4.9 and 6.12, include/net/ip_vs.h). */
const MEMBERS: Readonly<Record<string, string>> = {
  'struct netns_ipvs':
    'gen enable rs_table app_list proto_data_table tcp_apps udp_apps sctp_apps conn_count tot_stats num_services dest_trash dest_trash_timer ftpsvc_counter nullsvc_counter conn_out_counter defense_work drop_rate drop_counter dropentry est_list est_timer sync_state ms mcfg bcfg net mixed_address_family_dests hooks_afmask expire_nodest_conn_work',
  'struct ip_vs_proto_data': 'pp timeout_table appcnt tcp_state_table',
  'struct ip_vs_protocol':
    'name protocol num_states dont_defrag init exit init_netns exit_netns conn_schedule conn_in_get conn_out_get snat_handler dnat_handler state_name state_transition register_app unregister_app app_conn_bind debug_packet timeout_change',
  'struct ip_vs_conn':
    'c_list cport dport vport fwmark af caddr vaddr daddr flags protocol daf n_control lock refcnt timer timeout dest in_pkts packet_xmit control app app_data sync_endtime state old_state in_seq out_seq pe pe_data pe_data_len rcu_head',
};

for (const [structure, members] of Object.entries(MEMBERS)) {
  test(`every member of ${structure} is in the map`, () => {
    const start = page.indexOf(`## ${structure}`);
    assert.ok(start >= 0);
    const end = page.indexOf('\n## struct', start + 1);
    const part =
      page.slice(start, end < 0 ? undefined : end) + page.slice(page.indexOf('## Only for many CPUs'));
    const missing = members.split(' ').filter((m) => !part.includes(`\`${m}\``));
    assert.deepEqual(missing, []);
  });
}

test('every place in the map exists', () => {
  const places = [...page.matchAll(/`(src\/[^`]+\.ts)` `([^`]+)`/g)];
  assert.ok(places.length > 50);
  for (const [, file, name] of places) {
    const text = readFileSync(new URL(file!, root), 'utf8');
    assert.match(text, new RegExp(`\\b${name}\\b`), `${file} has no ${name}`);
  }
});
