/** Helper functions of the kernel that programs call, by their names (`enum bpf_func_id`). */
export const HELPERS = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  get_prandom_u32: 7,
  l4_csum_replace: 11,
  redirect: 23,
  skb_load_bytes: 26,
  csum_diff: 28,
  skb_pull_data: 39,
  csum_update: 40,
  skb_change_head: 43,
  xdp_adjust_head: 44,
  skb_adjust_room: 50,
  jiffies64: 118,
  ringbuf_output: 130,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
  ringbuf_discard: 133,
  csum_level: 135,
  redirect_neigh: 152,
  redirect_peer: 155,
  ktime_get_coarse_ns: 160,
} as const;

export type HelperName = keyof typeof HELPERS;
