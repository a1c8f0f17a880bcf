about = A sender's disk is lost
covers = Y04 Y13
seconds = 11
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 4000 --rate 800
actions
    2 = lose-disk sender
