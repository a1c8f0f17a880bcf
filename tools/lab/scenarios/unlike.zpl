about = Heartbeats, credit and sizes that differ between the two sides
covers = G01
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --heartbeat 2000 --credit 3
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 3000 --rate 500 --heartbeat 50
actions
    1 = kill worker for 300ms
    3 = hold sender-worker for 1s
    5 = stop sender for 700ms
