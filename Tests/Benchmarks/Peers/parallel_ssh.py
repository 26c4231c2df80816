# parallel-ssh doing what it is used for here: two files copied to each host, and a command that moves them into place.
# usage: parallel_ssh.py WIDTH USER IDENTITY PORT FOLDER <ADDRESSES
import sys
from gevent import joinall
from pssh.clients import ParallelSSHClient

width, user, identity, port, folder = int(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4]), sys.argv[5]
hosts = sys.stdin.read().split()
client = ParallelSSHClient(hosts, user=user, pkey=identity, port=port, pool_size=width, num_retries=1)
targets = [{"cert": f"{folder}/{i}-cert.pem", "key": f"{folder}/{i}-key.pem"} for i in range(len(hosts))]
for part in ("cert", "key"):
    joinall(
        client.copy_file("%(local_file)s", "%(remote_file)s", copy_args=[
            {"local_file": f"{folder}/{part}.pem", "remote_file": target[part] + ".new"} for target in targets]),
        raise_error=True)
output = client.run_command(
    "%s", host_args=[(f"mv {t['cert']}.new {t['cert']} && mv {t['key']}.new {t['key']} && echo reloaded",) for t in targets])
said = [line for host in output for line in host.stdout]
assert said == ["reloaded"] * len(hosts), said[:3]
