about = The receiver does not read
covers = N06
seconds = 12
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1500 --size 4000
actions
    1 = hold sender-worker forward for 2500ms
    4 = hold sender-worker back for 1s
