/** docs/kernel-map.md speaks of every member, and names code that exists. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/kernel-map.md', root), 'utf8');

/** Members of one structure: those that Linux 4.9 and 6.12 both have, and those of one of them. */
interface Members {
  readonly both: string;
  readonly '4.9'?: string;
  readonly '6.12'?: string;
}

/** `include/net/ip_vs.h`; of `struct net` what IPVS uses. */
const STRUCTURES: Readonly<Record<string, Members>> = {
  net: { both: 'ipvs loopback_dev ipv4 ipv6 ct nf proc_net genl_sock' },
  netns_ipvs: {
    both: `gen enable rs_table app_list proto_data_table tcp_apps udp_apps sctp_apps conn_count tot_stats num_services
      dest_trash dest_trash_lock dest_trash_timer ftpsvc_counter nullsvc_counter conn_out_counter
      defense_work drop_rate drop_counter dropentry dropentry_lock droppacket_lock securetcp_lock
      sysctl_hdr sysctl_tbl sysctl_amemthresh sysctl_am_droprate sysctl_drop_entry sysctl_drop_packet sysctl_secure_tcp
      sysctl_conntrack sysctl_snat_reroute sysctl_sync_ver sysctl_sync_ports sysctl_sync_persist_mode sysctl_sync_qlen_max
      sysctl_sync_sock_size sysctl_cache_bypass sysctl_expire_nodest_conn sysctl_sloppy_tcp sysctl_sloppy_sctp
      sysctl_expire_quiescent_template sysctl_sync_threshold sysctl_sync_refresh_period sysctl_sync_retries
      sysctl_nat_icmp_send sysctl_pmtu_disc sysctl_backup_only sysctl_conn_reuse_mode sysctl_schedule_icmp
      sysctl_ignore_tunneled sysctl_lblc_expiration lblc_ctl_header lblc_ctl_table sysctl_lblcr_expiration
      lblcr_ctl_header lblcr_ctl_table sync_lock ms sync_buff_lock threads_mask sync_state sync_mutex mcfg bcfg net
      mixed_address_family_dests`,
    '4.9': 'est_list est_lock est_timer backup_threads',
    '6.12': `num_services6 hooks_afmask expire_nodest_conn_work old_secure_tcp sysctl_run_estimation sysctl_est_cpulist
      est_cpulist_valid sysctl_est_nice est_stopped est_reload_work est_mutex est_temp_list est_kt_arr est_max_threads
      est_calc_phase est_chain_max est_kt_count est_add_ktid est_genid est_genid_done master_tinfo backup_tinfo`,
  },
  ip_vs_proto_data: { both: 'next pp timeout_table appcnt tcp_state_table' },
  ip_vs_protocol: {
    both: `next name protocol num_states dont_defrag init exit init_netns exit_netns conn_schedule conn_in_get conn_out_get
      snat_handler dnat_handler state_name state_transition register_app unregister_app app_conn_bind debug_packet timeout_change`,
    '4.9': 'csum_check',
  },
  ip_vs_conn: {
    both: `c_list cport dport vport af caddr vaddr daddr flags protocol daf ipvs refcnt timer timeout lock state old_state
      fwmark sync_endtime control n_control dest in_pkts packet_xmit app app_data in_seq out_seq pe pe_data pe_data_len rcu_head`,
  },
};

/** What the page says about a structure: its section without the right column, and its part of the list of those without a counterpart. */
function said(structure: string): string {
  const section = page.split('\n## ').find((text) => text.startsWith(`struct ${structure}\n`));
  assert.ok(section !== undefined, `no section for ${structure}`);
  const lines = section.split('\n').map((line) => (line.startsWith('|') ? line.split('|')[1]! : line));
  const rest = page.split('\n- ').find((text) => text.startsWith(`${structure}: `));
  return `${lines.join('\n')}\n${rest ?? ''}`;
}

for (const [structure, members] of Object.entries(STRUCTURES)) {
  test(`every member of struct ${structure} is in the map, once, and nothing else is`, () => {
    const names = [...said(structure).matchAll(/`(\w+)`( \((?:4\.9|6\.12)\))?/g)].map(
      ([, name, version]) => `${name}${version ?? ''}`,
    );
    const wanted = Object.entries(members).flatMap(([version, list]) =>
      list.split(/\s+/).map((name: string) => (version === 'both' ? name : `${name} (${version})`)),
    );
    assert.deepEqual(names.sort(), wanted.sort());
  });
}

test('every place in the map exists', () => {
  const places = [...page.matchAll(/`(src\/[^`]+\.ts)` `([^`]+)`/g)];
  assert.ok(places.length > 80);
  for (const [, file, name] of places) {
    const text = readFileSync(new URL(file!, root), 'utf8');
    assert.match(text, new RegExp(`\\b${name}\\b`), `${file} has no ${name}`);
  }
  // no file is named without what to look for in it
  assert.equal(places.length, [...page.matchAll(/`src\//g)].length);
});

test('sysctls have the names that the map says', () => {
  const row = page.split('\n').find((line) => line.includes('`sysctl_amemthresh`'))!;
  const text = readFileSync(new URL('src/engine/sysctl.ts', root), 'utf8');
  for (const [, name] of row.matchAll(/`sysctl_(\w+)`/g))
    assert.match(text, new RegExp(`^ {2}${name}: \\d`, 'm'));
});
