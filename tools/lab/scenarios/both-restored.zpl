# What the lost disks had is lost with them; what is sent now is new, and comes once.
about = Both sides get yesterday's disk back
covers = Y03
seconds = 12
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
actions
    1.5 = save worker
    1.8 = save sender
    3 = restore worker
    3.1 = restore sender
