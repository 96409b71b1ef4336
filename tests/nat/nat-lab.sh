#!/usr/bin/env bash
# A small internet out of network namespaces: public hosts, and homes each behind its own router.
# usage: NAT_LAB=x nat-lab.sh up NAME[:MODE]... | down
#   MODE: open (a public host; the default), cone, fullcone, sym, or blocked (cone without UDP)
# The i-th name (from 1) makes the namespace x-NAME. An open host is 203.0.113.(10 + i); a home is
# 10.i.0.2 and its router, in the namespace x-nat-NAME, 203.0.113.(100 + i). All of the public
# network is the bridge br0 in x-inet. Run a program in one: ip netns exec x-NAME COMMAND
# Needs root, iproute2 and nftables. Connection tracking keeps old mappings: use a fresh lab for
# every case.
set -euo pipefail
lab=${NAT_LAB:?names the lab, so that two can exist at once}

down() {
  local name
  for name in $(ip netns list | awk -v lab="$lab-" 'index($1, lab) == 1 { print $1 }'); do
    ip netns del "$name"
  done
}

host() { # NAME ADDRESS: a host on the public network
  ip netns add "$lab-$1"
  ip link add "v-$1" netns "$lab-$1" type veth peer name "b-$1" netns "$lab-inet"
  ip -n "$lab-inet" link set "b-$1" master br0 up
  # The internet carries no multicast: otherwise all public hosts would be on one local network.
  bridge -n "$lab-inet" link set dev "b-$1" mcast_flood off
  ip -n "$lab-$1" addr add "$2/24" dev "v-$1"
  ip -n "$lab-$1" link set "v-$1" up
  ip -n "$lab-$1" link set lo up
}

home() { # NAME ROUTER-ADDRESS LAN-PREFIX MODE: a home behind a router
  local router="nat-$1"
  host "$router" "$2"
  ip netns add "$lab-$1"
  ip link add "h-$1" netns "$lab-$1" type veth peer name "l-$1" netns "$lab-$router"
  ip -n "$lab-$1" addr add "$3.2/24" dev "h-$1"
  ip -n "$lab-$1" link set "h-$1" up
  ip -n "$lab-$1" link set lo up
  ip -n "$lab-$router" addr add "$3.1/24" dev "l-$1"
  ip -n "$lab-$router" link set "l-$1" up
  ip -n "$lab-$1" route add default via "$3.1"
  ip netns exec "$lab-$router" sysctl -qw net.ipv4.ip_forward=1
  rules "v-$router" "l-$1" "$3.2" "$4" | ip netns exec "$lab-$router" nft -f -
}

rules() { # OUTSIDE INSIDE HOME MODE: what the router does
  local source="masquerade" inward="" drop=""
  case "$4" in
    cone) ;;
    sym) source="masquerade random,fully-random" ;;
    fullcone) inward="iifname \"$1\" udp dport 1024-65535 dnat to $3" ;;
    blocked) drop="iifname \"$2\" meta l4proto udp drop" ;;
  esac
  # A packet from outside that belongs to nothing leaves no trace in the router's tables: that is
  # what lets two homes punch towards each other.
  cat <<RULES
table ip nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "$1" $source
  }
  chain pre {
    type nat hook prerouting priority -100;
    $inward
  }
}
table ip filt {
  chain passing {
    type filter hook forward priority 0; policy drop;
    $drop
    iifname "$2" accept
    ct state established,related accept
    ct status dnat accept
  }
  chain arriving {
    type filter hook input priority 0; policy accept;
    iifname "$1" ct state new drop
  }
}
RULES
}

up() { # NAME[:MODE]...
  local number=0 each name mode
  ip netns add "$lab-inet"
  ip -n "$lab-inet" link add br0 type bridge
  ip -n "$lab-inet" link set br0 up
  ip -n "$lab-inet" link set lo up
  for each in "$@"; do
    number=$((number + 1)) name=${each%%:*} mode=open
    [ "$name" = "$each" ] || mode=${each#*:}
    case "$mode" in
      open) host "$name" "203.0.113.$((10 + number))" ;;
      cone | fullcone | sym | blocked) home "$name" "203.0.113.$((100 + number))" "10.$number.0" "$mode" ;;
      *)
        echo "unknown mode $mode" >&2
        exit 2
        ;;
    esac
  done
}

case "${1:-}" in
  up)
    shift
    down
    up "$@"
    ;;
  down) down ;;
  *)
    sed -n '2,9p' "$0"
    exit 2
    ;;
esac
