about = A connection's bytes are sent once more, from elsewhere
covers = N12 N13 N14
seconds = 9
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    1..6/0.7 = replay sender-worker
