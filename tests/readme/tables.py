"""What the test of the pages knows of their lines: those that do not run here and why, and what stands in the
place of an example's own words.

A line is written as the page has it, without the comment behind it.
"""

from __future__ import annotations

IN_CI = "`.ci/run` runs it in a fresh clone"
LONG = "minutes of histories; `.ci/run` has a shorter series"
DEVELOPERS = "a developer's command, not one of fleetscan's"
AT_HOME = "writes into the home directory; tests/cli/test_completion.py uses the scripts"
CLUSTER = "needs a cluster; tests/cluster scans on one"
PICTURE = "a picture; test_the_picture_of_a_run_directory_is_true"

STORAGE = "needs object storage; tests/remote scans into an Azurite"
NOT_RUN = {
    "make demo": IN_CI,
    "make test": IN_CI,
    "make setup": "installs the environment that this test runs in",
    "make check": f"runs this test; {DEVELOPERS}",
    "make test-all": f"runs this test; {DEVELOPERS}",
    "make test-page": f"a minute in Chromium; tests/page runs a part of it; {DEVELOPERS}",
    "make series": "`.ci/run` runs it",
    "python -m tests.picture": f"writes into the checkout; {DEVELOPERS}",
    "make docs": "writes into the checkout; tests/records holds that it changes nothing",
    "make bench": "half an hour",
    "make fuzz EXAMPLES=10000": LONG,
    "make simulate-faults SEEDS=10000": LONG,
    "make damage DAMAGES=1000": LONG,
    "make test-process KILLS=50": LONG,
    "make test-dask KILLS=20": f"minutes; tests/cluster runs a part of it; {DEVELOPERS}",
    "pip install 'fleetscan[dask]'": "needs the network; what it installs is in this environment",
    "pipx install '.[dask]'": "needs the network; what it installs is in this environment",
    "fleetscan scan --engine dask --scheduler tls://dask.example:8786 --out /shared/nightly": CLUSTER,
    "dask scheduler --host 127.0.0.1 --dashboard-address 127.0.0.1:8787": CLUSTER,
    "dask worker tcp://127.0.0.1:8786 --host 127.0.0.1 --nworkers 2 --nthreads 1 --no-dashboard": CLUSTER,
    "fleetscan scan --engine dask --scheduler tcp://127.0.0.1:8786 --out tried": CLUSTER,
    "fleetscan doctor --out /shared/nightly": CLUSTER,
    "flock /shared/nightly.lock sleep 60": "needs two hosts",
    "flock --nonblock /shared/nightly.lock true || echo held": "needs two hosts",
    "make test-storage LOSSES=20": LONG,
    "python -m tests.two_scans": f"a minute; tests/two_scans runs parts of it; {DEVELOPERS}",
    "python -m tests.merge_measure": f"a minute; tests/merging runs a part of it; {DEVELOPERS}",
    "python -m tests.memory": f"minutes; tests/memory runs a part of it; {DEVELOPERS}",
    ".ci/run": "runs `make test`, and so this test",
    "pip install duckdb": "needs the network; it is in the environment that this test runs in",
    "pip install 'fleetscan[parquet]'": "needs the network; what it installs is in this environment",
    "pipx install .": "needs the network; `.ci/run` installs the built packages with pip",
    "make build": IN_CI,
    "pip install dist/fleetscan-0.1.0-py3-none-any.whl": "`.ci/run` installs what `make build` makes",
    "uv tool install .": "needs uv and the network; `.ci/run` installs the built packages with pip",
    "pip install 'fleetscan[otel]'": "needs the network; what it installs is in this environment",
    "pipx install '.[otel]'": "needs the network; what it installs is in this environment",
    "pipx install '.[parquet]'": "needs the network; what it installs is in this environment",
    "fleetscan completion bash > ~/.local/share/bash-completion/completions/fleetscan": AT_HOME,
    "fleetscan completion zsh > ~/.zfunc/_fleetscan": AT_HOME,
    "fleetscan completion fish > ~/.config/fish/completions/fleetscan.fish": AT_HOME,
    "az login": "needs a person and Azure",
    "fleetscan scan --auth managed-identity": "tests/cli/test_signing_in.py scans with it",
    "fleetscan scan --cloud us-government": "needs Azure; tests/cli/test_signing_in.py signs in to it",
    "fleetscan demo --config configs/demo.toml": "half a minute; `make demo` is this line",
    "fleetscan demo": "half a minute; `make demo` is this line, and tests/cli runs it on fewer VMs",
    "fleetscan-runs/20261123T020000Z-5c1f2a90/": PICTURE,
    "    results.jsonl    one line per listed VM, written when it is done": PICTURE,
    "    totals.jsonl     the fleet, then each subscription, location, OS and tag of --group-by": PICTURE,
    "    run.json         settings, versions, times, scope, warnings, who ran it; no secrets": PICTURE,
    "    journal.jsonl    what a resume needs: the fleet, each start, each accepted operation, each end": (
        PICTURE
    ),
    "fleetscan-runs/latest -> the last complete run of the fleet": PICTURE,
    "pip install 'fleetscan[storage]'": "needs the network; what it installs is in this environment",
    "pipx install '.[storage]'": "needs the network; what it installs is in this environment",
    "export AZURE_STORAGE_ACCOUNT_NAME=devstoreaccount1 "
    "AZURE_STORAGE_ENDPOINT=http://127.0.0.1:10000/devstoreaccount1": STORAGE,
    "make azurite": f"needs npm and the network; {DEVELOPERS}",
    ".venv/azurite/node_modules/.bin/azurite-blob --blobHost 127.0.0.1 --inMemoryPersistence "
    "--disableTelemetry --skipApiVersionCheck": "tests/remote serves with these flags",
    "export AZURE_STORAGE_ACCOUNT_KEY="
    "'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='": STORAGE,
    "az storage container create --name patches --account-name devstoreaccount1 "
    '--account-key "$AZURE_STORAGE_ACCOUNT_KEY" --blob-endpoint "$AZURE_STORAGE_ENDPOINT"': STORAGE,
    "fleetscan scan --runs az://patches/fleet --resume --deadline 2h": STORAGE,
    "fleetscan scan --out az://patches/fleet/by-hand": STORAGE,
    "fleetscan doctor --runs az://patches/fleet": STORAGE,
    "fleetscan report az://patches/fleet/latest": STORAGE,
    "fleetscan report --runs az://patches/fleet": STORAGE,
    "fleetscan show --runs az://patches/fleet --failed": STORAGE,
    "fleetscan diff 20261123 latest --runs az://patches/fleet": STORAGE,
    "fleetscan export az://patches/fleet/latest --format parquet --out tables": STORAGE,
    "fleetscan scan --last-run az://patches/fleet/latest --runs az://patches/fleet": STORAGE,
    "fleetscan resume az://patches/fleet/20261123T020000Z-5c1f2a90": STORAGE,
    "fleetscan resume --runs az://patches/fleet": STORAGE,
    "fleetscan scan --runs az://patches/fleet --compress zstd": STORAGE,
}

# Gates that show what happens when they are not passed.
BREACHED = {
    "fleetscan report latest --fail-on 'critical_and_security>0'",
    "fleetscan scan --facts --fail-on 'wsus>0, unsupported_os>0'",
}

# Examples name what no simulated fleet has. The words on the right are formatted with what the fleet has.
INSTEAD = {
    "resume 20261123": "resume {newest_run}",
    "diff 20261123": "diff {newest_run}",
    "'Shop Production'": "'{subscription_name}'",
    "http://127.0.0.1:PORT": "{endpoint}",
    "report.html 20261123": "report.html {newest_run}",
    "5034441": "{kb}",
    "--retry-failed RUN": "--retry-failed latest",
    # A crontab's times, and the places of an installed service.
    "0 2 * * *   ": "",
    "/srv/fleetscan": ".",
    "/usr/local/bin/fleetscan": "fleetscan",
}
