# The scenario that docs/lab.md explains.
about = A worker is killed while messages come, and comes back
covers = P01 N01
seconds = 10
smoke = yes
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 2500
actions
    1.0 = kill worker for 500ms
    1.8 = cut sender-worker
