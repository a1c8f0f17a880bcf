about = A worker's disk is lost
covers = Y05
seconds = 11
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
actions
    2 = lose-disk worker
