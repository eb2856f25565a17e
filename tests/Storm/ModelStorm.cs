using System.Text.Json;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Storm;

/// <summary>Runs some workers of the model. The order is the first line of the input, and each further line is the number of a round; every operation is
/// written when it begins and when it has ended, so that those of a killed process are known too.</summary>
internal static class ModelStorm
{
    public static async Task RunAsync()
    {
        var order = JsonSerializer.Deserialize<ModelOrder>(await Console.In.ReadLineAsync() ?? "", ModelOperation.Json)!;
        var backend = order.Address.CreateBackend();
        await using var store = await ModelAddress.OpenAsync(backend, default);
        var worker = new ModelWorker(store, backend);
        var output = Console.Out;
        Say("ready");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var round = int.Parse(line, System.Globalization.CultureInfo.InvariantCulture);
            await Task.WhenAll(order.Workers.Select(number => Task.Run(async () =>
            {
                foreach (var operation in order.Plan.Generate(round, number))
                {
                    Say($"B {JsonSerializer.Serialize(operation with { Start = System.Diagnostics.Stopwatch.GetTimestamp() }, ModelOperation.Json)}");
                    await worker.RunAsync(operation);
                    Say($"E {JsonSerializer.Serialize(operation, ModelOperation.Json)}");
                }
            })));
            Say("done");
        }

        void Say(string text)
        {
            lock (output) output.WriteLine(text);
        }
    }
}
