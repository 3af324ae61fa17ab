"""What a good engineer would write in an afternoon: plan manifests against a JSON state, with PyYAML.

    python3 peer_pyyaml.py FOLDER STATE [--raw-hash] [--save]

It loads with libyaml (CSafeLoader), keeps timestamps as strings, checks that no two manifests share an address, takes
the SHA-256 of canonical JSON, compares with the state, and prints a line per change and the counts. With `--raw-hash`
it parses only files whose bytes changed. `--save` writes the state as if everything had been applied.
"""

import hashlib
import json
import os
import sys

import yaml

if not yaml.__with_libyaml__:
    sys.exit("PyYAML has no libyaml here, and without it is a hundred times slower")


class Loader(yaml.CSafeLoader):
    """Timestamps stay what they were written as."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def digest(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def files_below(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".yaml", ".yml")):
                yield os.path.join(path, name)


def parse(data):
    for document in yaml.load_all(data, Loader=Loader):
        spec = dict(document["spec"])
        attributes = spec.pop("customAttributes", {})
        address = document["kind"] + "." + document["metadata"]["name"]
        yield address, {"content": digest(spec), "attributes": digest(attributes), "values": attributes}


def main():
    folder, path = sys.argv[1:3]
    raw_hash, save = "--raw-hash" in sys.argv, "--save" in sys.argv
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        state = {"files": {}, "records": {}}
    known, records = state["files"], state["records"]
    seen, files = {}, {}
    for name in files_below(folder):
        with open(name, "rb") as file:
            data = file.read()
        raw = hashlib.sha256(data).hexdigest() if raw_hash else None
        before = known.get(name)
        if raw_hash and before and before["raw"] == raw:
            found = [(address, None) for address in before["addresses"]]
        else:
            found = list(parse(data))
        files[name] = {"raw": raw, "addresses": [address for address, _ in found]}
        for address, manifest in found:
            if address in seen:
                sys.exit(f"{address} is described twice, in {name} too")
            seen[address] = manifest
    counts = {"create": 0, "replace": 0, "update": 0, "unchanged": 0}
    out = []
    for address in sorted(seen):
        manifest, record = seen[address], records.get(address)
        if manifest is None or record == manifest:
            counts["unchanged"] += 1
        elif record is None:
            counts["create"] += 1
            out.append(f"+ {address}\n")
        elif record["content"] != manifest["content"]:
            counts["replace"] += 1
            out.append(f"-/+ {address}\n")
        else:
            counts["update"] += 1
            old, new = record["values"], manifest["values"]
            changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
            out.append(f"~ {address}\n" + "".join(f"    {key}: {old.get(key)!r} -> {new.get(key)!r}\n" for key in changed))
    sys.stdout.write("".join(out))
    print(json.dumps(counts))
    if save:
        records = {address: manifest or records[address] for address, manifest in seen.items()}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"files": files, "records": records}, file)


main()
