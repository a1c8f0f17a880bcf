about = The disks of both sides are full for a while
covers = D06 D07 D08 L04
seconds = 14
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
        disk = 40M
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
        disk = 40M
actions
    1.5 = fill worker for 1500ms
    4.5 = fill sender for 1500ms
