# The second one tries for as long as the first is there, and again when it was killed.
about = Another process opens the worker's store
covers = P12
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
    second = godwit lab-peer work --name worker --bind {endpoint} --dir {dir}/../worker
        restart = 100ms
        stays-down = yes
actions
    3 = cut sender-worker
    4 = kill sender for 200ms
    6.5 = kill second
