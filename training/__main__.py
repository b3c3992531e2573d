"""python -m training train | evaluate | redundancy | export."""
import argparse, os
from pathlib import Path
from training import data
from training.loop import Run
from training.options import Options
p=argparse.ArgumentParser(); p.add_argument("variant"); p.add_argument("folder"); p.add_argument("--data",default=None)
p.add_argument("--images",type=int,default=409600); p.add_argument("--width",type=int,default=64); p.add_argument("--checkpoint-every",type=int,default=20480); p.add_argument("--evaluate-every",type=int,default=102400)
a=p.parse_args()
f=Path(a.folder)
run=Run.resume(f) if (f/"checkpoint.pt").exists() else Run.start(f,Options(a.variant,width=a.width,images=a.images,checkpoint_every=a.checkpoint_every,evaluate_every=a.evaluate_every))
run.train(data.load(Path(a.data)))
