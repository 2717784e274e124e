#!/bin/sh
# A complete program for Recert's exec connector, in POSIX shell. FORMAT.md has the contract.
#
# Its target is a directory, named by the variable TARGET. File names are ids in hexadecimal,
# so that any id up to 100 bytes fits:
#   accounts/ID              three lines: id, user name, enabled or disabled
#   entitlements/ID          two lines: id, name
#   members/GROUP/ID.VERSION an empty file: the account holds the entitlement
#   inner/GROUP/GROUP        an empty file: who holds the second holds the first too
#
# The version of a membership is in its file's name: granting anew makes another file, so
# removing the one that was seen can never remove a newer one. That is the guard.
set -u
LC_ALL=C
export LC_ALL

# fail KIND MESSAGE ends the program with an error.
fail() {
	printf '{"error":{"kind":"%s","message":"%s"}}\n' "$1" "$2"
	exit 1
}

# json TEXT sets J to the text as JSON.
json() {
	case $1 in
	*[[:cntrl:]]*) fail broken "an id or a name holds a control character" ;;
	*[\\\"]*) J=\"$(printf %s "$1" | sed 's/[\\"]/\\&/g')\" ;;
	*) J=\"$1\" ;;
	esac
}

# hex ID sets H to the id's file name.
hex() {
	[ "${#1}" -le 100 ] || fail refused "an id is longer than 100 bytes"
	H=$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n')
}

# account HEX and entitlement HEX read a file; they fail where there is none.
account() {
	[ -e "$TARGET/accounts/$1" ] || return 1
	{ IFS= read -r id && IFS= read -r username && IFS= read -r status; } <"$TARGET/accounts/$1" ||
		fail broken "a file of an account cannot be read"
}
entitlement() {
	[ -e "$TARGET/entitlements/$1" ] || return 1
	{ IFS= read -r id && IFS= read -r name; } <"$TARGET/entitlements/$1" ||
		fail broken "a file of an entitlement cannot be read"
}

# direct GROUP ACCOUNT sets F to the file of the membership; it fails where there is none.
direct() {
	for F in "$TARGET/members/$1/$2".*; do
		[ -e "$F" ] && return 0
	done
	return 1
}

# inside GROUP sets W to the ways to the groups inside it, nearest first, each group once.
inside() {
	W= todo=$1 known=" $1 "
	while [ -n "$todo" ]; do
		way=${todo%% *}
		todo=${todo#"$way"} todo=${todo# }
		for f in "$TARGET/inner/${way##*'>'}"/*; do
			[ -e "$f" ] || continue
			g=${f##*/}
			case $known in *" $g "*) continue ;; esac
			known="$known$g "
			if [ "$way" = "$1" ]; then next=$g; else next="$way>$g"; fi
			W="$W $next" todo="$todo${todo:+ }$next"
		done
	done
}

# via WAY sets V to the way with real ids; > and \ in an id get a \ before them.
via() {
	V= rest=$1
	while [ -n "$rest" ]; do
		entitlement "${rest%%'>'*}" || fail broken "a group holds one that does not exist"
		case $id in *[\\\>]*) id=$(printf %s "$id" | sed 's/[\\>]/\\&/g') ;; esac
		V="$V${V:+>}$id"
		case $rest in *'>'*) rest=${rest#*'>'} ;; *) rest= ;; esac
	done
}

# fold TEXT sets L to the text in lower case.
fold() { L=$(printf %s "$1" | tr '[:upper:]' '[:lower:]'); }

# same A B tells whether two names are the same, whatever their case.
same() {
	[ "$1" = "$2" ] && return 0
	fold "$1" && a=$L
	fold "$2" && [ "$a" = "$L" ]
}

# members GROUP WAY lists the grants of a group; with a way, those that come from its last part.
members() {
	from=$1 V=
	if [ -n "$2" ]; then from=${2##*'>'}; via "$2"; fi
	entitlement "$1"
	json "$id" && group=$J
	json "$V" && path=$J
	for f in "$TARGET/members/$from"/*.*; do
		[ -e "$f" ] || continue
		f=${f##*/}
		account "${f%%.*}" || fail broken "a group has a member that does not exist"
		json "$id"
		printf '{"kind":"grants","account_id":%s,"entitlement_id":%s,"via":%s}\n' "$J" "$group" "$path"
		grants=$((grants + 1))
	done
}

list() {
	accounts=0 entitlements=0 grants=0
	for f in "$TARGET"/accounts/*; do
		[ -e "$f" ] || continue
		account "${f##*/}"
		json "$id" && i=$J
		json "$username" && u=$J
		printf '{"kind":"accounts","account_id":%s,"username":%s,"status":"%s"}\n' "$i" "$u" "$status"
		accounts=$((accounts + 1))
	done
	for f in "$TARGET"/entitlements/*; do
		[ -e "$f" ] || continue
		entitlement "${f##*/}"
		json "$id" && i=$J
		json "$name" && n=$J
		printf '{"kind":"entitlements","entitlement_id":%s,"name":%s,"entitlement_kind":"group"}\n' "$i" "$n"
		entitlements=$((entitlements + 1))
	done
	for e in "$TARGET"/entitlements/*; do
		[ -e "$e" ] || continue
		e=${e##*/}
		members "$e" ""
		inside "$e"
		for way in $W; do members "$e" "$way"; done
	done
	printf '{"end":true,"totals":{"accounts":%d,"entitlements":%d,"grants":%d}}\n' "$accounts" "$entitlements" "$grants"
}

# look finds out what there is of the access: it sets presence, version, last and detail, and
# the JSON of the names as they are now, which are null where the thing is gone.
look() {
	presence=absent version= last=false detail= username_now=null name_now=null status=gone
	hex "$RECERT_ACCOUNT_ID" && acc=$H
	if account "$acc"; then json "$username" && username_now=$J; fi
	if [ -z "$RECERT_ENTITLEMENT_ID" ]; then
		[ "$status" = enabled ] && presence=present
		detail="The account is $status."
		return
	fi
	hex "$RECERT_ENTITLEMENT_ID" && ent=$H
	if entitlement "$ent"; then json "$name" && name_now=$J; fi
	if direct "$ent" "$acc"; then
		presence=present version=${F##*/} detail="The account is a direct member."
		version=${version#*.}
		set -- "$TARGET/members/$ent"/*.*
		[ "$#" = 1 ] && last=true
		return
	fi
	inside "$ent"
	for way in $W; do
		if direct "${way##*'>'}" "$acc"; then
			via "$way"
			presence=not_direct
			detail="The account is in it through another group."
			return
		fi
	done
	detail="The account is not in the group."
}

# still tells whether the ids still have the names that were reviewed.
still() {
	if [ -n "$RECERT_USERNAME" ] && account "$acc"; then same "$username" "$RECERT_USERNAME" || return 1; fi
	if [ -n "$RECERT_ENTITLEMENT_NAME" ] && [ -n "$RECERT_ENTITLEMENT_ID" ] && entitlement "$ent"; then
		same "$name" "$RECERT_ENTITLEMENT_NAME" || return 1
	fi
}

check() {
	look
	json "$RECERT_ACCOUNT_ID" && i=$J
	json "$RECERT_ENTITLEMENT_ID" && e=$J
	printf '{"account_id":%s,"entitlement_id":%s,"username":%s,"entitlement_name":%s,' "$i" "$e" "$username_now" "$name_now"
	printf '"presence":"%s","version":"%s","last":%s,"detail":"%s"}\n' "$presence" "$version" "$last" "$detail"
}

outcome() { printf '{"outcome":"%s"}\n' "$1"; }

# set_status STATUS writes the account's file anew.
set_status() {
	account "$acc" || fail refused "there is no such account"
	printf '%s\n%s\n%s\n' "$id" "$username" "$1" >"$TARGET/.new.$$" && mv "$TARGET/.new.$$" "$TARGET/accounts/$acc" ||
		fail denied "the account's file cannot be written"
}

revoke() {
	look
	still || { outcome wrong_target && return; }
	case $presence in
	absent) outcome already_absent && return ;;
	not_direct) outcome not_direct && return ;;
	esac
	if [ -z "$RECERT_ENTITLEMENT_ID" ]; then
		set_status disabled
		outcome removed
		return
	fi
	f=$TARGET/members/$ent/$acc.$RECERT_SEEN_VERSION
	if rm "$f" 2>/dev/null; then
		outcome removed
	elif [ -e "$f" ]; then
		fail denied "the membership's file cannot be removed"
	elif direct "$ent" "$acc"; then
		outcome changed
	else
		outcome already_absent
	fi
}

grant() {
	look
	still || { outcome wrong_target && return; }
	[ "$presence" = present ] && outcome already_held && return
	if [ -z "$RECERT_ENTITLEMENT_ID" ]; then
		set_status enabled
		outcome granted
		return
	fi
	account "$acc" && entitlement "$ent" || fail refused "there is no such account or group"
	mkdir -p "$TARGET/members/$ent" && : >"$TARGET/members/$ent/$acc.$(date +%s)-$$" ||
		fail denied "the membership's file cannot be written"
	outcome granted
}

# A directory that is not there, or may not be read, has shown nothing: least of all that
# access is absent.
[ -n "${TARGET:-}" ] || fail broken "the variable TARGET does not name the directory"
for d in "$TARGET" "$TARGET/accounts" "$TARGET/entitlements" "$TARGET/members" "$TARGET/inner"; do
	[ -d "$d" ] || fail unreachable "the target's directory is not there"
	[ -r "$d" ] && [ -x "$d" ] || fail denied "the target's directory may not be read"
done

case $RECERT_COMMAND in
list) list ;;
check) check ;;
revoke) revoke ;;
grant) grant ;;
probe) printf '{"detail":"The directory has %d accounts."}\n' "$(find "$TARGET/accounts" -type f | wc -l)" ;;
*) fail refused "the program does not know this command" ;;
esac
