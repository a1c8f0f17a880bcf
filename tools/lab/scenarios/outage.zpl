about = Six seconds without a link at full load
covers = L03
seconds = 16
settle = 30
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 20000 --rate 2500
actions
    2 = drop sender-worker for 6s
