// A process for tests to trace, kill and measure:
//   storm calls PATH OPERATION COUNT [QUOTA]   runs an operation COUNT times between two marks in the trace
//   storm crash PATH SEED                      stores, overwrites, moves and defragments until it is killed
//   storm quota PATH LIMIT SEED STEPS          stores and deletes under a quota
//   storm cache URL CACHEURL SEED              uses a cached store until it is killed
//   storm model                                runs workers of the model (tests/Unit/Model), which are described on stdin
//   storm sync SOURCEURL DESTINATIONURL        makes a Borg repository equal to another one
//   storm work URL ACCESS [CACHEURL]           performs operations requested on stdin, and reports what each took (WorkLoop)

using System.Globalization;
using BorgStore.Tests.Storm;

var number = (int index) => long.Parse(args[index], CultureInfo.InvariantCulture);
switch (args)
{
    case ["calls", var path, var operation, _, ..]:
        await TracedCalls.RunAsync(path, operation, (int)number(3), args.Length > 4 ? number(4) : null);
        return 0;
    case ["crash", var path, _]:
        await CrashStorm.RunAsync(path, (int)number(2));
        return 0;
    case ["quota", var path, _, _, _]:
        await QuotaStorm.RunAsync(path, number(2), (int)number(3), (int)number(4));
        return 0;
    case ["cache", var url, var cacheUrl, _]:
        await CacheStorm.RunAsync(url, cacheUrl, (int)number(3));
        return 0;
    case ["model"]:
        await ModelStorm.RunAsync();
        return 0;
    case ["sync", var sourceUrl, var destinationUrl]:
        await SyncStorm.RunAsync(sourceUrl, destinationUrl);
        return 0;
    case ["work", var url, "store" or "nested" or "backend", ..]:
        await WorkLoop.RunAsync(url, args[2], args.Length > 3 ? args[3] : null);
        return 0;
    default:
        Console.Error.WriteLine("usage: see Program.cs");
        return 2;
}
